/** What is said over the stage while there is nothing to see: opening, loading (once it takes long), trouble. */

import { h, setText } from "../elements/dom.js";

// Shorter waits are not worth a flicker.
const LONG_MILLISECONDS = 400;
const SHORT_GAP_SECONDS = 0.2;
const STAGES = { scanning: "Reading the file to find its frames", decoding: "Decoding once to find the frames" };

export class Waiting {
  /** @param {import("../playing/session.js").Session} session @param {HTMLElement} stage */
  constructor(session, stage) {
    this.session = session;
    /** @type {{words: string, progress?: number | null, isFailure?: boolean} | null} */
    this.opening = null;
    this.timer = null;
    this.words = h("p", { className: "waiting-words" });
    this.bar = h("progress", { className: "waiting-bar", max: 1, "aria-label": "Finding the frames", hidden: true });
    this.spinner = h("div", { className: "spinner", "aria-hidden": "true" });
    this.retry = h("button", { type: "button", className: "primary", hidden: true, onclick: () => session.retry() }, "Try again");
    this.element = h(
      "div",
      { className: "waiting", hidden: true, role: "status" },
      this.spinner,
      this.words,
      this.bar,
      this.retry,
    );
    this.loading = h("p", { className: "loading", hidden: true });
    stage.append(this.element, this.loading);
    for (const name of ["shown", "wanted", "play", "trouble", "timeline"]) session.addEventListener(name, () => this.#show());
  }

  close() {
    clearTimeout(this.timer);
  }

  /** What the server says of the video while it is opened. */
  showState({ state, stage, progress, error }) {
    this.opening = null;
    if (state === "failed")
      this.opening = { words: `This video cannot be opened: ${error ?? "no reason is known"}`, isFailure: true };
    else if (state === "new" || state === "opening")
      this.opening = { words: STAGES[stage] ?? "Opening the video", progress: stage ? progress : null };
    this.#show();
  }

  /** Nothing can be had any more. @param {Error} error */
  fail(error) {
    this.opening = { words: error.message, isFailure: true };
    this.#show();
  }

  #show() {
    const { trouble, shown, isSettled, rate } = this.session;
    const message = this.opening ?? (trouble ? { words: trouble.message, isFailure: true, canRetry: true } : null);
    if (message) this.#say(message);
    else this.element.hidden = true;
    if (message) this.#showLoading(null);
    else if (rate) this.#showStall();
    else this.#showLoading(shown && isSettled ? null : `loading frame ${this.session.wanted}`);
  }

  #say({ words, progress = null, isFailure = false, canRetry = false }) {
    this.element.hidden = false;
    this.element.classList.toggle("failed", isFailure);
    setText(this.words, words);
    this.spinner.hidden = isFailure;
    this.bar.hidden = progress === null;
    if (progress !== null) this.bar.value = progress;
    this.retry.hidden = !canRetry;
  }

  /** Says that a frame is on its way, once that takes long. @param {string | null} words null where none is */
  #showLoading(words, isAnew = false) {
    if (words === null || isAnew) {
      clearTimeout(this.timer);
      this.timer = null;
      this.loading.hidden = true;
    }
    if (words === null) return;
    setText(this.loading, words);
    this.timer ??= setTimeout(() => (this.loading.hidden = false), LONG_MILLISECONDS);
  }

  /** While it plays, each frame that is shown begins the wait anew; slow playing has long gaps of its own. */
  #showStall() {
    const { times, shown, rate } = this.session;
    const gap = shown ? times.endSeconds(shown.index) - times.seconds(shown.index) : 0;
    this.#showLoading(gap / Math.abs(rate) < SHORT_GAP_SECONDS ? "waiting for frames" : null, true);
  }
}
