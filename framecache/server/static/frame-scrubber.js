/**
 * `<frame-scrubber src="https://host/v1/videos/{id}">`: a video of a frame server, to scrub, play and annotate by frame.
 *
 * Attributes: `src`; `token` for servers that want one; `frame` to begin at; `theme` "dark" or "light" (else the system's).
 * Properties: `frame` (the index on the screen; setting goes there), `wantedFrame`, `time` (seconds; setting goes to the
 * frame displayed then), `nFrames`, `fingerprint`, `view`, `annotations`. Methods: `play(rate)`, `pause()`,
 * `exportText(kind)`, `importText(text, name)`, `pictureRect()`.
 * Events: `ready`, `framechange` (detail: index, pts, seconds), `playchange`, `viewchange`, `annotationschange`.
 */

import { faultOf } from "./annotations/annotations.js";
import { App } from "./app.js";
import { FORMATS } from "./files/exchange.js";
import { assembled } from "./files/rows.js";
import { STYLES } from "./styles/styles.js";
import { parseSeconds } from "./playing/timecode.js";
import { Video } from "./frames/video.js";

export class FrameScrubber extends HTMLElement {
  static observedAttributes = ["src", "token", "frame"];

  /** @type {App | null} */
  #app = null;
  /** What was asked for before there was a video. @type {((app: App) => void) | null} */
  #begin = null;

  constructor() {
    super();
    this.attachShadow({ mode: "open", delegatesFocus: false });
    this.shadowRoot.adoptedStyleSheets = STYLES;
    this.addEventListener("keydown", (event) => this.handleKey(event));
  }

  connectedCallback() {
    this.#restart();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback(name, before, value) {
    if (before === value || !this.isConnected) return;
    if (name === "frame") this.frame = Number(value);
    else this.#restart();
  }

  #restart() {
    this.#stop();
    const source = this.getAttribute("src");
    if (!source) return;
    this.#app = new App(this, this.shadowRoot, new Video(source, this.getAttribute("token")));
    if (this.hasAttribute("frame")) this.#app.session.seek(frameAt(Number(this.getAttribute("frame"))));
    this.#begin?.(this.#app);
    this.#begin = null;
    this.#app.open();
  }

  #stop() {
    this.#app?.close();
    this.#app = null;
  }

  /** Now, or once there is a video. */
  #tell(action) {
    if (this.#app) action(this.#app);
    else this.#begin = action;
  }

  /** The index of the picture on the screen; null before the first. Setting goes there; negative counts from the end. */
  get frame() {
    return this.#app?.session.shown?.index ?? null;
  }

  set frame(index) {
    if (!Number.isFinite(index)) throw new TypeError(`frame is ${index}; it must be a number`);
    this.#tell((app) => app.session.seek(frameAt(index)));
  }

  /** The index that was asked for last; `frame` is the same once its picture is on the screen. */
  get wantedFrame() {
    return this.nFrames ? this.#app.session.wanted : null;
  }

  /** Seconds into the video of the picture on the screen. Setting goes to the frame displayed then. */
  get time() {
    return this.frame === null ? null : this.#app.session.times.seconds(this.frame);
  }

  set time(seconds) {
    const value = typeof seconds === "string" ? parseSeconds(seconds) : seconds;
    if (!Number.isFinite(value)) throw new TypeError(`time is ${seconds}; it must be seconds`);
    this.#tell((app) => app.session.seek(displayedAt(value)));
  }

  /** How many frames are known; 0 before any are. */
  get nFrames() {
    return this.#app?.session.nFrames ?? 0;
  }

  get fingerprint() {
    return this.#app?.video.fingerprint ?? null;
  }

  /** What plays: 0 is nothing, negative is backwards. */
  get rate() {
    return this.#app?.session.rate ?? 0;
  }

  /** @returns {{zoom: number, x: number, y: number}} zoom 1 fits; (x, y) is the middle, as parts of the picture */
  get view() {
    return { ...(this.#app?.stage.view ?? { zoom: 1, x: 0.5, y: 0.5 }) };
  }

  set view(view) {
    this.#app?.stage.setView({ ...view });
  }

  /** `{labels, items}`: see docs/page.md. Setting replaces them as a step that can be undone; a TypeError tells what is wrong. */
  get annotations() {
    const { labels, items } = this.#app?.notebook.annotations ?? { labels: [], items: [] };
    return structuredClone({ labels, items });
  }

  set annotations({ labels = [], items }) {
    const fault = items.map(faultOf).findIndex(Boolean);
    if (fault >= 0) throw new TypeError(`annotations.items[${fault}]: ${faultOf(items[fault])}`);
    const own = items.map((item) => ({ ...item }));
    const annotations = assembled(labels, own, String);
    this.#tell((app) => app.notebook.change(annotations));
  }

  /** @param {number} rate times the video's own speed, negative backwards */
  play(rate = 1) {
    if (this.nFrames) this.#app.session.play(rate);
    else this.addEventListener("ready", () => this.#app.session.play(rate), { once: true });
  }

  pause() {
    this.#app?.session.pause();
  }

  /** The annotations as the text of a file. @param {"json" | "csv" | "coco"} kind */
  exportText(kind) {
    return FORMATS[kind].write(this.#app.notebook.annotations, this.#app.files.subject);
  }

  /** Takes up such a text, as if its file had been chosen. @returns {Promise<void>} */
  importText(text, name = "text") {
    return this.#app.files.import(text, name);
  }

  /** Where the whole picture lies on the canvas, in its device pixels. @returns {{left, top, right, bottom}} */
  pictureRect() {
    return this.#app.stage.deviceRect;
  }

  /** Gives the keys to the video. */
  focus() {
    this.#app?.focus();
  }

  /** Handles a key press; pages that are all one scrubber pass theirs on. @returns {boolean} whether it was one of ours */
  handleKey(event) {
    return this.#app?.handleKey(event) ?? false;
  }
}

/** The frame of an index, negative from the end, clamped; null while the video is not known so far. */
const frameAt = (index) => (times) => {
  const isKnown = times.isWhole || (index >= 0 && index < times.nFrames);
  return isKnown ? Math.max(0, index < 0 ? index + times.nFrames : index) : null;
};

/** The frame displayed at a time, clamped; null while the video is not known so far. */
const displayedAt = (seconds) => (times) =>
  // Seconds that were computed may lie a rounding before their frame.
  times.isWhole || seconds < times.durationSeconds ? times.at(seconds + 1e-9) : null;

if (!customElements.get("frame-scrubber")) customElements.define("frame-scrubber", FrameScrubber);
