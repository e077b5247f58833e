/** The canvas: one picture, sharp to the device's pixel, in the part that the view shows. */

import { h, s } from "../elements/dom.js";
import { isPlain, PLAIN_TONE, toneTable } from "./tone.js";
import { clampedView, FITTED, panned, pictureRect, toPicture, zoomedAbout, zoomForPixels } from "./view.js";

// Widths that pictures are asked for: few, so that a window that changes its size finds most of them in the cache.
const WIDTHS = [320, 480, 640, 960, 1280, 1600, 1920, 2560, 3200, 3840];
// From here on pixels are drawn as squares.
const SQUARE_PIXELS = 2;

export class Stage extends EventTarget {
  constructor() {
    super();
    this.canvas = h("canvas", { className: "canvas", role: "img", "aria-label": "No picture yet" });
    this.transfer = ["R", "G", "B"].map((name) => s(`feFunc${name}`, { type: "table" }));
    const filter = s(
      "filter",
      { id: "tone", "color-interpolation-filters": "sRGB", x: "0", y: "0", width: "1", height: "1" },
      s("feComponentTransfer", {}, ...this.transfer),
    );
    this.filters = s("svg", { class: "filters", "aria-hidden": "true" }, filter);
    this.failure = h("p", { className: "failure", hidden: true });
    this.element = h("div", { className: "stage" }, this.filters, this.canvas, this.failure);
    this.context = this.canvas.getContext("2d");
    this.size = { width: 0, height: 0 };
    this.view = FITTED;
    this.tone = PLAIN_TONE;
    this.aspect = 1;
    /** @type {import("../frames/pictures.js").Picture | null} what is drawn */
    this.picture = null;
    this.observer = new ResizeObserver((entries) => this.#resized(entries.at(-1)));
  }

  connect() {
    this.#observe();
  }

  disconnect() {
    this.observer.disconnect();
  }

  /** Draws a picture. The caller writes its number in the same task. */
  paint(picture) {
    this.picture = picture;
    this.#draw();
  }

  setView(view) {
    this.view = this.#hasPlace ? clampedView(this.size, this.pixels, view) : view;
    this.#draw();
    this.dispatchEvent(new Event("view"));
  }

  zoomAbout(factor, x = this.size.width / 2, y = this.size.height / 2) {
    if (this.#hasPlace) this.setView(zoomedAbout(this.size, this.pixels, this.view, factor, x, y));
  }

  pan(dx, dy) {
    if (this.#hasPlace) this.setView(panned(this.size, this.pixels, this.view, dx, dy));
  }

  /** From fitted to one device pixel for each of the picture, to two, and back. */
  cycleZoom() {
    if (!this.#hasPlace) return;
    const steps = [1, 2, 4].map((pixels) => zoomForPixels(this.size, this.pixels, pixels, devicePixelRatio));
    const next = steps.find((zoom, place) => zoom > this.view.zoom * 1.01 && (place < 2 || steps[1] < 1));
    this.setView(next === undefined ? FITTED : { ...this.view, zoom: next });
  }

  /** How many device pixels one pixel of the picture takes. */
  get scale() {
    return this.#hasPlace ? (this.rect.height / this.picture.fullHeight) * this.ratio : 0;
  }

  setTone(tone) {
    this.tone = tone;
    const table = toneTable(tone);
    for (const channel of this.transfer) channel.setAttribute("tableValues", table);
    this.canvas.style.filter = isPlain(tone) ? "" : "url(#tone)";
  }

  /** The picture's size in its own pixels; boxes are in those. */
  get pixels() {
    return { width: this.picture?.fullWidth ?? 0, height: this.picture?.fullHeight ?? 0, aspect: this.aspect };
  }

  /** Where the whole picture lies, in CSS pixels of the stage. */
  get rect() {
    return pictureRect(this.size, this.pixels, this.view);
  }

  /** @param {{clientX: number, clientY: number}} event @returns {{x: number, y: number}} pixels of the picture */
  pointOf(event) {
    const bounds = this.element.getBoundingClientRect();
    return toPicture(this.rect, this.pixels, event.clientX - bounds.left, event.clientY - bounds.top);
  }

  /** How wide a picture must be to be sharp here, in pixels; Infinity is as wide as it is. */
  widthFor(pixels) {
    if (!this.size.width || !pixels) return Infinity;
    const rect = pictureRect(this.size, pixels, this.view);
    const needed = (rect.width * this.ratio) / pixels.aspect;
    return needed >= pixels.width ? Infinity : (WIDTHS.find((width) => width >= needed && width < pixels.width) ?? Infinity);
  }

  get ratio() {
    return this.size.width ? this.canvas.width / this.size.width : devicePixelRatio;
  }

  get #hasPlace() {
    return this.size.width > 0 && this.size.height > 0 && this.pixels.width > 0;
  }

  #observe() {
    try {
      this.observer.observe(this.canvas, { box: "device-pixel-content-box" });
    } catch {
      // Safari does not tell device pixels.
      this.observer.observe(this.canvas);
    }
  }

  #resized(entry) {
    const { inlineSize: width, blockSize: height } = entry.contentBoxSize[0];
    const exact = entry.devicePixelContentBoxSize?.[0];
    this.size = { width, height };
    // Setting the size clears the canvas: it is drawn again in this same task.
    this.canvas.width = devicePixels(width, exact?.inlineSize);
    this.canvas.height = devicePixels(height, exact?.blockSize);
    this.setView(this.view);
    this.dispatchEvent(new Event("resize"));
  }

  #draw() {
    const { context, canvas, picture } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.failure.hidden = !picture?.failure;
    this.failure.textContent = picture?.failure ?? "";
    if (!picture?.bitmap || !this.#hasPlace) return;
    const { left, top, right, bottom } = this.deviceRect;
    context.imageSmoothingEnabled = this.scale < SQUARE_PIXELS;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture.bitmap, left, top, right - left, bottom - top);
  }

  /** Where the whole picture lies, in pixels of the canvas, on whole pixels; nowhere, before the canvas has a size. */
  get deviceRect() {
    if (!this.#hasPlace) return { left: 0, top: 0, right: 0, bottom: 0 };
    const { left, top, width, height } = this.rect;
    const [right, bottom] = [left + width, top + height];
    const [across, down] = [this.canvas.width / this.size.width, this.canvas.height / this.size.height];
    return {
      left: Math.round(left * across),
      top: Math.round(top * down),
      right: Math.round(right * across),
      bottom: Math.round(bottom * down),
    };
  }
}

/** A length in the device's pixels: as the browser tells it, unless it tells of another screen than the page is on. */
function devicePixels(length, told) {
  const computed = length * devicePixelRatio;
  return told !== undefined && Math.abs(told - computed) <= 1 ? told : Math.round(computed);
}
