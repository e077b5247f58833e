/** Sliders for brightness, contrast and gamma. */

import { h } from "../elements/dom.js";
import { PLAIN_TONE, TONE_LIMITS } from "./tone.js";

const NAMES = { brightness: "Brightness", contrast: "Contrast", gamma: "Gamma" };

export class TonePanel {
  /** @param {import("./stage.js").Stage} stage @param {() => void} onClose */
  constructor(stage, onClose) {
    this.stage = stage;
    this.fields = Object.keys(PLAIN_TONE).map((name) => this.#field(name));
    const buttons = h(
      "div",
      { className: "answers" },
      h("button", { type: "button", className: "text-button", onclick: () => this.reset() }, "Reset"),
      h("button", { type: "button", className: "text-button", onclick: onClose }, "Close"),
    );
    const note = h("p", { className: "hint" }, "Only what you see. Saved frames stay as they are.");
    const rows = this.fields.map(({ row }) => row);
    this.element = h(
      "section",
      { className: "tone-panel", hidden: true, "aria-label": "Adjust the picture" },
      ...rows,
      note,
      buttons,
    );
  }

  #field(name) {
    const [min, max, step] = TONE_LIMITS[name].map(String);
    const value = h("output", { className: "tone-value" }, PLAIN_TONE[name].toFixed(2));
    const input = h("input", {
      type: "range",
      name,
      min,
      max,
      step,
      value: String(PLAIN_TONE[name]),
      oninput: () => this.#changed(),
    });
    return { name, input, value, row: h("label", { className: "tone-row" }, h("span", {}, NAMES[name]), input, value) };
  }

  #changed() {
    this.stage.setTone(Object.fromEntries(this.fields.map(({ name, input }) => [name, Number(input.value)])));
    for (const { input, value } of this.fields) value.textContent = Number(input.value).toFixed(2);
  }

  reset() {
    for (const { name, input } of this.fields) input.value = String(PLAIN_TONE[name]);
    this.#changed();
  }

  toggle(isOpen = this.element.hidden) {
    this.element.hidden = !isOpen;
    if (isOpen) this.fields[0].input.focus();
    return isOpen;
  }
}
