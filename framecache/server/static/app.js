/** One video in one shadow root: builds the parts, and passes on what one of them tells to the others. */

import { BoxTool } from "./stage/box-tool.js";
import { makeCommands } from "./controls/commands.js";
import { Controls } from "./controls/controls.js";
import { h, setText } from "./elements/dom.js";
import { Files } from "./files/files.js";
import { Gestures } from "./stage/gestures.js";
import { bindingFor, keyName, LABEL_KEYS } from "./controls/keys.js";
import { Notebook } from "./annotations/notebook.js";
import { Overlay } from "./stage/overlay.js";
import { Panel } from "./annotations/panel.js";
import { Previews } from "./timeline/previews.js";
import { Readout } from "./controls/readout.js";
import { Session } from "./playing/session.js";
import { Stage } from "./stage/stage.js";
import { Strip } from "./timeline/strip.js";
import { TonePanel } from "./stage/tone-panel.js";
import { pause } from "./frames/video.js";
import { Waiting } from "./stage/waiting.js";

const TELL_MILLISECONDS = 3500;
const GROWTH_MILLISECONDS = 1000;
const LEAST_POLL_MILLISECONDS = 1000;
const MOST_POLL_MILLISECONDS = 5000;
// As in the styles: there the panel would leave the picture too little room.
const NARROW_PIXELS = 760;

export class App {
  /**
   * @param {HTMLElement} host the custom element
   * @param {ShadowRoot} root
   * @param {import("./frames/video.js").Video} video
   */
  constructor(host, root, video) {
    this.host = host;
    this.root = root;
    this.video = video;
    this.openRangeId = null;
    this.run = (command, amount) => this.commands[command](amount);
    this.tell = (words) => this.#tell(words);
    this.#makeParts();
    this.commands = makeCommands(this);
    this.#build();
    this.#listen();
    this.abort = new AbortController();
  }

  #makeParts() {
    this.session = new Session(this.video);
    this.notebook = new Notebook();
    this.stage = new Stage();
    this.overlay = new Overlay(this.stage, this.notebook);
    this.controls = new Controls(this.session, this.run);
    this.panel = new Panel(this.notebook, this.session, this.run);
    this.readout = new Readout(this.session, () => this.run("goToDialog"));
    this.previews = new Previews(this.video);
    this.strip = new Strip(this.session, this.previews);
    this.waiting = new Waiting(this.session, this.stage.element);
    this.files = new Files(this.session, this.notebook, this.root, this.tell);
    this.tonePanel = new TonePanel(this.stage, () => this.run("closeTone"));
    this.boxTool = new BoxTool(this.stage, this.notebook, () => this.#hold());
    const takes = (event) => this.#takesPointer(event);
    const isWheelOurs = () => this.host.matches(":focus-within");
    this.gestures = new Gestures(this.stage, {
      takes,
      isWheelOurs,
      giveBack: () => this.boxTool.drop(),
      onStep: (frames) => this.session.step(frames),
    });
  }

  #build() {
    this.title = h("h1", { className: "title" });
    this.rateBadge = h(
      "span",
      { className: "badge rate-badge", hidden: true, title: "The gaps between frames differ: times are the frames' own" },
      "variable rate",
    );
    this.stateBadge = h("span", { className: "badge state-badge", hidden: true });
    this.toast = h("p", { className: "toast", role: "status" });
    const head = h(
      "header",
      { className: "top" },
      h("slot", { name: "start" }),
      this.title,
      this.rateBadge,
      this.stateBadge,
      this.controls.tools,
    );
    const middle = h(
      "div",
      { className: "middle" },
      h("div", { className: "stage-frame" }, this.stage.element, this.tonePanel.element, this.toast),
      this.panel.element,
    );
    const bar = h("div", { className: "bar" }, this.readout.element, this.controls.transport);
    this.element = h("div", { className: "app" }, head, middle, bar, this.strip.frame, this.readout.live, this.files.input);
    this.root.append(this.element);
  }

  #listen() {
    const { session, stage, notebook } = this;
    session.addEventListener("shown", () => this.#paint());
    session.addEventListener("wanted", () => this.#showWanted());
    session.addEventListener("play", () => this.#showPlay());
    session.addEventListener("timeline", () => this.#showTimeline());
    stage.addEventListener("view", () => this.#viewChanged());
    stage.addEventListener("resize", () => this.#viewChanged());
    // A picture cannot have the focus: by default a press on it would take away what #takesPointer gives.
    stage.element.addEventListener("mousedown", (event) => event.preventDefault());
    notebook.addEventListener("change", () => this.#showNotes());
    notebook.addEventListener("status", () => this.panel.showStatus());
    this.onUnload = (event) => notebook.isAtRisk && event.preventDefault();
    this.root.addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
    this.root.addEventListener("drop", (event) => this.#dropped(event));
  }

  /** Takes part in the page, and follows the video until all is known of it. */
  async open() {
    addEventListener("beforeunload", this.onUnload);
    this.stage.connect();
    this.strip.connect();
    this.#showNotes();
    if (this.host.clientWidth <= NARROW_PIXELS) this.run("panel");
    try {
      await this.video.follow((state) => this.#take(state), this.abort.signal);
      if (!this.abort.signal.aborted) await this.#followCached();
    } catch (error) {
      if (error.name !== "AbortError") this.waiting.fail(error);
    }
  }

  close() {
    this.abort.abort();
    removeEventListener("beforeunload", this.onUnload);
    this.stage.disconnect();
    this.strip.disconnect();
    this.waiting.close();
    this.notebook.close();
    this.session.close();
    this.previews.close();
    this.element.remove();
  }

  focus() {
    this.strip.element.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was a key of ours */
  handleKey(event) {
    if (this.#leavesField(event)) return true;
    if (event.defaultPrevented || isTyping(event) || this.root.querySelector("dialog[open]")) return false;
    const binding = bindingFor(event);
    const isOurs = binding
      ? this.#runBinding(binding)
      : LABEL_KEYS.includes(keyName(event)) && this.panel.labels.chooseKey(keyName(event));
    if (isOurs) event.preventDefault();
    return isOurs;
  }

  /** Enter and Escape in a number's field give the keys back to the video. */
  #leavesField(event) {
    const target = event.composedPath()[0];
    if (target.type !== "number" || !["Enter", "Escape"].includes(event.key)) return false;
    this.focus();
    return true;
  }

  #runBinding({ command, amount }) {
    this.run(command, amount);
    return true;
  }

  /** What the server says of the video now. */
  async #take(state) {
    setText(this.title, this.video.name);
    this.title.title = state.name;
    this.waiting.showState(state);
    if (state.state === "failed") return;
    if (state.fingerprint) this.notebook.open(state.fingerprint);
    this.stage.aspect = this.video.size?.aspect ?? 1;
    this.rateBadge.hidden = !state.info?.is_variable_rate;
    this.stateBadge.hidden = state.state !== "growing";
    setText(this.stateBadge, `finding frames, ${Math.floor(100 * (state.progress ?? 0))} %`);
    if (this.#isTimelineDue(state)) await this.#takeTimeline();
  }

  /** While a video grows its timeline is asked for now and then: of a long one it is large. */
  #isTimelineDue({ state, n_known: nKnown }) {
    if (state !== "growing" || this.session.nFrames === 0) return state === "ready" || nKnown > 0;
    return nKnown > this.session.nFrames && performance.now() - this.timelineTaken >= GROWTH_MILLISECONDS;
  }

  async #takeTimeline() {
    const timeline = await this.video.timeline(this.abort.signal);
    this.timelineTaken = performance.now();
    this.#askForWidth();
    this.strip.update({ cached: timeline.cached ?? [], undecodable: this.video.info?.undecodable ?? [] });
    const isFirst = this.session.nFrames === 0;
    this.session.setTimeline(timeline);
    if (isFirst && this.session.nFrames) this.host.dispatchEvent(new Event("ready"));
  }

  /** Keeps the bar of what the server has at hand; asks less and less often while nothing changes. */
  async #followCached() {
    const { signal } = this.abort;
    let wait = LEAST_POLL_MILLISECONDS;
    for (;;) {
      await pause(wait, signal);
      const cached = document.hidden ? null : await this.video.cached(signal).catch(() => null);
      const isNews = cached && JSON.stringify(cached) !== JSON.stringify(this.strip.model.cached);
      if (isNews) this.strip.update({ cached });
      wait = isNews ? LEAST_POLL_MILLISECONDS : Math.min(MOST_POLL_MILLISECONDS, wait * 1.5);
    }
  }

  /** The picture, its number and what is drawn on it: in one task, so that no two of them ever disagree. */
  #paint() {
    const { shown } = this.session;
    if (this.boxTool.drag && this.boxTool.drag.frame !== shown.index) this.boxTool.drop();
    this.stage.paint(shown);
    this.overlay.paint();
    this.readout.show(shown);
    this.strip.placeHeads();
    this.panel.showFrame();
    this.stage.canvas.setAttribute("aria-label", `Frame ${shown.index} of ${this.video.name}`);
    const { index, pts } = shown;
    const seconds = this.session.times.seconds(index);
    this.host.dispatchEvent(new CustomEvent("framechange", { detail: { index, pts, seconds } }));
  }

  #showWanted() {
    this.readout.showWanted();
    this.strip.placeHeads();
  }

  #showPlay() {
    this.controls.showPlay();
    this.readout.showWanted();
    this.readout.announce();
    if (!this.session.rate) this.panel.showFrame();
    this.strip.update({ loop: this.session.loop });
    this.host.dispatchEvent(new Event("playchange"));
  }

  #showTimeline() {
    const { times } = this.session;
    this.strip.update({ nFrames: times.nFrames, keyframes: times.keyframes });
    this.readout.showTimeline();
  }

  #showNotes() {
    if (this.notebook.isDragging) this.panel.inspector.show();
    else this.panel.show();
    this.boxTool.label = this.panel.labels.current;
    this.overlay.paint();
    this.strip.update({ annotations: this.notebook.annotations });
    this.host.dispatchEvent(new Event("annotationschange"));
  }

  #viewChanged() {
    this.overlay.paint();
    this.controls.showZoom(this.stage.view.zoom, this.stage.scale);
    this.#askForWidth();
    this.host.dispatchEvent(new Event("viewchange"));
  }

  #askForWidth() {
    const pixels = this.stage.picture ? this.stage.pixels : this.video.size;
    if (pixels) this.session.setWidth(this.stage.widthFor(pixels));
  }

  /** The frame on the screen is the one that stays: somebody draws on it. */
  #hold() {
    this.session.pause();
    if (this.session.shown) this.session.goTo(this.session.shown.index);
  }

  #takesPointer(event) {
    this.focus();
    this.boxTool.label = this.panel.labels.current;
    return this.boxTool.takes(event);
  }

  async #dropped(event) {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    await this.files.import(await file.text(), file.name);
  }

  #tell(words) {
    setText(this.toast, words);
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => setText(this.toast, ""), TELL_MILLISECONDS);
  }
}

const FIELD_TAGS = new Set(["INPUT", "TEXTAREA", "SELECT"]);

/** Whether a key belongs to the field or button that has the focus. */
function isTyping(event) {
  const target = event.composedPath()[0];
  if (FIELD_TAGS.has(target.tagName) || target.isContentEditable) return event.key !== "Escape" || target.type !== "range";
  const isPressed = event.key === " " || event.key === "Enter";
  return isPressed && (target.tagName === "BUTTON" || target.tagName === "A");
}
