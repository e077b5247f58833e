/** The timeline: a slider over all frames, with what is known of them, and previews under the pointer. */

import { EMPTY } from "../annotations/annotations.js";
import { h, setText } from "../elements/dom.js";
import { frameAt, middleOf, paintStrip } from "./strip-paint.js";
import { formatSeconds } from "../playing/timecode.js";

const COLOR_NAMES = { line: "--line", quiet: "--text-quiet", track: "--track", cached: "--cached", key: "--key-tick" };
Object.assign(COLOR_NAMES, { accent: "--accent", bad: "--bad", loopOn: "--loop-on", loopOff: "--loop-off" });
const PREVIEW_WIDTH = 168;
// With Shift, so many pixels of the pointer are one frame.
const FINE_PIXELS = 6;

export class Strip {
  /**
   * @param {import("../playing/session.js").Session} session
   * @param {import("./previews.js").Previews} previews
   */
  constructor(session, previews) {
    this.session = session;
    this.previews = previews;
    this.model = { nFrames: 0, keyframes: [], cached: [], undecodable: [], loop: session.loop, annotations: EMPTY };
    this.#build();
    this.context = this.canvas.getContext("2d");
    this.width = 0;
    this.observer = new ResizeObserver(() => this.paint());
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.paint();
    this.#listen();
  }

  #build() {
    this.canvas = h("canvas", { className: "strip-canvas", "aria-hidden": "true" });
    this.wantedHead = h("div", { className: "head wanted-head" });
    this.shownHead = h("div", { className: "head shown-head" });
    this.hoverLine = h("div", { className: "hover-line", hidden: true });
    this.previewCanvas = h("canvas", { className: "preview-picture", width: 1, height: 1 });
    this.previewNumber = h("span", { className: "preview-number" });
    this.previewTarget = h("span", { className: "preview-target" });
    const caption = h("span", { className: "preview-words" }, this.previewTarget);
    this.preview = h(
      "div",
      { className: "preview", hidden: true, "aria-hidden": "true" },
      this.previewCanvas,
      this.previewNumber,
      caption,
    );
    const slider = { className: "strip", role: "slider", tabIndex: 0, "aria-label": "Frame", "aria-orientation": "horizontal" };
    this.element = h("div", slider, this.canvas, this.hoverLine, this.wantedHead, this.shownHead);
    this.frame = h("div", { className: "strip-frame" }, this.preview, this.element);
  }

  connect() {
    this.observer.observe(this.element);
    this.scheme.addEventListener("change", this.onScheme);
  }

  disconnect() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.onScheme);
  }

  /** Other things to show: part of the model of strip-paint.js. */
  update(changes) {
    Object.assign(this.model, changes);
    this.paint();
  }

  /** Draws everything, once before the next picture of the screen. */
  paint() {
    this.paintRequest ??= requestAnimationFrame(() => {
      this.paintRequest = null;
      this.#paintNow();
    });
  }

  /** Where the heads are: the frame on the screen, and the one that is asked for. Called when either changes. */
  placeHeads() {
    const { shown, wanted, nFrames, timecode, times } = this.session;
    const width = this.element.clientWidth;
    if (!width || !nFrames) return;
    const index = shown?.index ?? 0;
    this.shownHead.style.transform = `translateX(${middleOf(index, nFrames, width)}px)`;
    this.wantedHead.style.transform = `translateX(${middleOf(wanted, nFrames, width)}px)`;
    this.wantedHead.hidden = wanted === index;
    const said = this.element;
    said.setAttribute("aria-valuemin", "0");
    said.setAttribute("aria-valuemax", String(nFrames - 1));
    said.setAttribute("aria-valuenow", String(index));
    const seconds = times.seconds(index);
    said.setAttribute(
      "aria-valuetext",
      `frame ${index} of ${nFrames}, ${formatSeconds(seconds)}, timecode ${timecode.format(index, seconds)}`,
    );
  }

  #paintNow() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width) return;
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    this.context.setTransform(this.canvas.width / width, 0, 0, this.canvas.height / height, 0, 0);
    const style = getComputedStyle(this.element);
    const colors = Object.fromEntries(
      Object.entries(COLOR_NAMES).map(([name, property]) => [name, style.getPropertyValue(property)]),
    );
    paintStrip(this.context, { width, height }, this.model, colors);
    this.placeHeads();
  }

  #listen() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", () => this.#up());
    element.addEventListener("pointercancel", () => this.#up());
    element.addEventListener("pointerleave", () => this.#hidePreview());
  }

  #frameUnder(event) {
    const bounds = this.element.getBoundingClientRect();
    return frameAt(event.clientX - bounds.left, this.session.nFrames, bounds.width);
  }

  #down(event) {
    if (event.button !== 0 || !this.session.nFrames) return;
    this.element.setPointerCapture(event.pointerId);
    this.element.focus({ preventScroll: true });
    this.drag = { fine: null };
    if (event.shiftKey) this.drag.fine = { x: event.clientX, index: this.session.wanted };
    else this.session.goTo(this.#frameUnder(event), { isDragging: true });
  }

  #move(event) {
    if (!this.session.nFrames) return;
    if (!this.drag) {
      if (event.pointerType === "mouse") this.#hover(event);
      return;
    }
    if (event.shiftKey && !this.drag.fine) this.drag.fine = { x: event.clientX, index: this.session.wanted };
    if (!event.shiftKey) this.drag.fine = null;
    const { fine } = this.drag;
    const target = fine ? fine.index + Math.round((event.clientX - fine.x) / FINE_PIXELS) : this.#frameUnder(event);
    this.session.goTo(target, { isDragging: true });
    this.#hover(event, target);
  }

  #up() {
    if (!this.drag) return;
    this.drag = null;
    this.session.settle();
    this.#hidePreview();
  }

  /** Shows where a click would go, and the nearest small picture under its own number. */
  async #hover(event, target = this.#frameUnder(event)) {
    const { nFrames, times } = this.session;
    const index = Math.min(nFrames - 1, Math.max(0, target));
    const width = this.element.clientWidth;
    this.hoverLine.hidden = false;
    this.hoverLine.style.transform = `translateX(${middleOf(index, nFrames, width)}px)`;
    setText(this.previewTarget, `${index} · ${formatSeconds(times.seconds(index))}`);
    this.preview.hidden = false;
    this.#placePreview(middleOf(index, nFrames, width), width);
    this.hovered = index;
    const found = await this.previews.near(index).catch(() => null);
    // By now the pointer may be elsewhere.
    if (this.hovered === index) this.#paintPreview(found);
  }

  #placePreview(x, width) {
    const half = PREVIEW_WIDTH / 2 + 4;
    this.preview.style.transform = `translateX(${Math.min(width - half, Math.max(half, x))}px) translateX(-50%)`;
  }

  /** The picture and its number, in one task. */
  #paintPreview(found) {
    this.previewCanvas.hidden = this.previewNumber.hidden = !found;
    if (!found) return;
    const { cue, sheet } = found;
    Object.assign(this.previewCanvas, { width: cue.w, height: cue.h });
    this.previewCanvas.getContext("2d").drawImage(sheet, cue.x, cue.y, cue.w, cue.h, 0, 0, cue.w, cue.h);
    setText(this.previewNumber, `frame ${cue.index}`);
  }

  #hidePreview() {
    this.hovered = null;
    this.preview.hidden = this.hoverLine.hidden = true;
  }
}
