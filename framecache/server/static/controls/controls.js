/** The buttons: transport, speed and loop below the picture; looking and saving above it. */

import { boundedRate, LARGEST_RATE } from "../playing/clock.js";
import { h, icon, iconButton } from "../elements/dom.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];

/** Puts another icon and other words on a button. */
function relabel(button, name, words, key) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(icon(name));
  button.setAttribute("aria-label", words);
  button.title = `${words} (${key})`;
}

export class Controls {
  /**
   * @param {import("../playing/session.js").Session} session
   * @param {(command: string, amount?: unknown) => void} run a command of commands.js
   */
  constructor(session, run) {
    this.session = session;
    this.run = run;
    this.#makeTransport();
    this.#makeTools();
  }

  #button(name, words, key, command, amount, properties) {
    return iconButton(name, words, key, () => this.run(command, amount), properties);
  }

  #makeTransport() {
    this.playButton = this.#button("play", "Play", "Space", "playPause", undefined, { className: "icon-button play-button" });
    this.reverseButton = this.#button("reverse", "Play backwards", "J", "playReverse");
    this.loopButton = this.#button("loop", "Loop", "/", "loop", undefined, { "aria-pressed": "false" });
    const moves = h(
      "div",
      { className: "group moves", role: "group", "aria-label": "Move and play" },
      this.#button("first", "First frame", "Home", "first", undefined, { className: "icon-button roomy" }),
      this.#button("keyBack", "Keyframe before", "Ctrl ←", "keyframe", -1),
      this.#button("stepBack", "One frame back", "←", "step", -1),
      this.reverseButton,
      this.playButton,
      this.#button("stepForward", "One frame on", "→", "step", 1),
      this.#button("keyForward", "Keyframe after", "Ctrl →", "keyframe", 1),
      this.#button("last", "Last frame", "End", "last", undefined, { className: "icon-button roomy" }),
    );
    const loops = h(
      "div",
      { className: "group", role: "group", "aria-label": "Loop" },
      this.#button("loopIn", "Loop begins here", "I", "loopIn"),
      this.loopButton,
      this.#button("loopOut", "Loop ends here", "O", "loopOut"),
    );
    this.transport = h(
      "div",
      { className: "transport" },
      moves,
      h("div", { className: "group" }, this.#speed(), this.#stride()),
      loops,
    );
  }

  #speed() {
    const options = h("datalist", { id: "speeds" }, ...SPEEDS.map((speed) => h("option", { value: String(speed) })));
    this.speedField = h("input", {
      type: "number",
      className: "number speed",
      step: "any",
      min: String(-LARGEST_RATE),
      max: String(LARGEST_RATE),
      value: "1",
      title: "Speed; negative is backwards (J and L shuttle)",
      onchange: () => this.#speedChanged(),
    });
    this.speedField.setAttribute("list", "speeds");
    return h("label", { className: "field" }, h("span", {}, "Speed"), this.speedField, options);
  }

  #stride() {
    this.strideField = h("input", {
      type: "number",
      className: "number",
      min: "1",
      step: "1",
      value: "10",
      title: "Frames that Shift and an arrow go",
    });
    return h("label", { className: "field roomy" }, h("span", {}, "Shift step"), this.strideField);
  }

  #makeTools() {
    this.panelButton = this.#button("panel", "Annotations", "P", "panel", undefined, { "aria-pressed": "true" });
    this.boxButton = this.#button("box", "Draw boxes", "B", "boxTool", undefined, { "aria-pressed": "false" });
    this.toneButton = this.#button("tone", "Brightness, contrast, gamma", "A", "tone", undefined, { "aria-expanded": "false" });
    this.zoomButton = h(
      "button",
      { type: "button", className: "text-button zoom-button", title: "Zoom (Z)", onclick: () => this.run("zoom") },
      "fit",
    );
    this.zoomButton.setAttribute("aria-label", "Zoom: fit");
    const annotate = [
      this.#button("mark", "Mark this frame", "M", "mark"),
      this.#button("range", "Range begins or ends here", "Shift M", "range"),
    ];
    this.tools = h(
      "div",
      { className: "tools" },
      h("div", { className: "group", role: "group", "aria-label": "Annotate" }, ...annotate, this.boxButton),
      h(
        "div",
        { className: "group", role: "group", "aria-label": "Look" },
        this.zoomButton,
        this.toneButton,
        this.#button("save", "Save the frame", "S", "saveFrame"),
        this.#button("fullscreen", "Full screen", "F", "fullscreen", undefined, { className: "icon-button roomy" }),
        this.#button("help", "Keys", "?", "help"),
        this.panelButton,
      ),
    );
  }

  /** The speed that the play button plays at. */
  get speed() {
    return boundedRate(Number(this.speedField.value)) || 1;
  }

  /** How many frames Shift and an arrow go. */
  get stride() {
    return Math.max(1, Math.round(Number(this.strideField.value)) || 1);
  }

  #speedChanged() {
    this.speedField.value = String(this.speed);
    if (this.session.rate) this.run("playAt", this.speed);
  }

  /** Shows what plays and loops. */
  showPlay() {
    const { rate, loop } = this.session;
    relabel(this.playButton, rate > 0 ? "pause" : "play", rate > 0 ? "Pause" : "Play", "Space");
    relabel(this.reverseButton, rate < 0 ? "pause" : "reverse", rate < 0 ? "Pause" : "Play backwards", rate < 0 ? "Space" : "J");
    this.loopButton.setAttribute("aria-pressed", String(loop.isOn));
    if (rate) this.speedField.value = String(rate);
  }

  /** @param {number} zoom 1 fits @param {number} scale device pixels for each of the picture */
  showZoom(zoom, scale) {
    const words = zoom > 1 ? `${Math.round(scale * 100)} %` : "fit";
    this.zoomButton.textContent = words;
    this.zoomButton.setAttribute("aria-label", `Zoom: ${words}`);
  }
}
