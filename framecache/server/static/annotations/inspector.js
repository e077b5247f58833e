/** The selected annotation as fields: everything that dragging does, by keyboard. */

import { change, fitted } from "./annotations.js";
import { h } from "../elements/dom.js";

const FIELDS = {
  mark: [["frame", "Frame"]],
  range: [
    ["first", "First"],
    ["last", "Last"],
  ],
  box: [
    ["frame", "Frame"],
    ["x", "Left"],
    ["y", "Top"],
    ["w", "Width"],
    ["h", "Height"],
  ],
};
const FRAMES = new Set(["frame", "first", "last"]);

export class Inspector {
  /**
   * @param {import("./notebook.js").Notebook} notebook
   * @param {import("../playing/session.js").Session} session
   */
  constructor(notebook, session) {
    this.notebook = notebook;
    this.session = session;
    this.element = h("section", { className: "inspector", hidden: true, "aria-label": "Selected annotation" });
    this.shownId = null;
  }

  show() {
    const { selected } = this.notebook;
    this.element.hidden = !selected;
    if (!selected) {
      this.shownId = null;
      return;
    }
    if (this.shownId !== selected.id) this.#build(selected);
    for (const [name, field] of this.fields) if (Number(field.value) !== selected[name]) field.value = String(selected[name]);
  }

  #build(item) {
    this.shownId = item.id;
    this.fields = new Map();
    const rows = FIELDS[item.kind].map(([name, words]) => {
      const step = FRAMES.has(name) ? "1" : "any";
      const field = h("input", {
        type: "number",
        step,
        min: "0",
        value: String(item[name]),
        onchange: () => this.#changed(name),
      });
      this.fields.set(name, field);
      return h("label", { className: "field" }, h("span", {}, words), field);
    });
    this.element.replaceChildren(h("h2", {}, `Selected ${item.kind}`), h("div", { className: "inspector-fields" }, ...rows));
  }

  #changed(name) {
    const { selected, annotations } = this.notebook;
    const value = Number(this.fields.get(name).value);
    if (!selected || !Number.isFinite(value) || this.fields.get(name).value === "") {
      this.show();
      return;
    }
    this.notebook.change(change(annotations, selected.id, this.#within(selected, name, value)));
    this.show();
  }

  /** The change that was typed, kept within the video and the picture. */
  #within(item, name, value) {
    if (FRAMES.has(name)) {
      const [least, most] = [name === "last" ? item.first : 0, name === "first" ? item.last : this.session.nFrames - 1];
      return { [name]: Math.min(most, Math.max(least, Math.round(value))) };
    }
    const { fullWidth, fullHeight } = this.session.shown ?? {};
    return fitted({ ...item, [name]: value }, { width: fullWidth ?? Infinity, height: fullHeight ?? Infinity });
  }
}
