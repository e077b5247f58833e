/** The labels: which one new annotations get, and making, renaming and removing them. */

import { change, removeLabel, renameLabel, withLabel } from "./annotations.js";
import { h, iconButton } from "../elements/dom.js";
import { LABEL_KEYS } from "../controls/keys.js";

export class LabelList {
  /** @param {import("./notebook.js").Notebook} notebook */
  constructor(notebook) {
    this.notebook = notebook;
    /** The label that new annotations get. */
    this.current = notebook.annotations.labels[0].name;
    this.list = h("ul", { className: "labels" });
    this.field = h("input", {
      type: "text",
      className: "new-label",
      placeholder: "new label",
      "aria-label": "New label",
      maxLength: 60,
    });
    const add = (event) => {
      event.preventDefault();
      this.#add(this.field.value.trim());
    };
    const button = h("button", { type: "submit", className: "text-button" }, "Add");
    this.element = h("div", {}, this.list, h("form", { className: "label-form", onsubmit: add }, this.field, button));
  }

  #add(name) {
    if (!name) return;
    this.notebook.change(withLabel(this.notebook.annotations, name));
    this.field.value = "";
    this.choose(name);
  }

  /** Makes a label the one for new annotations, and gives it to the selected one. */
  choose(name) {
    this.current = name;
    const { selected, annotations } = this.notebook;
    if (selected && selected.label !== name) this.notebook.change(change(annotations, selected.id, { label: name }));
    else this.show();
  }

  /** The label with a key of LABEL_KEYS. @returns {boolean} whether there is one */
  chooseKey(key) {
    const label = this.notebook.annotations.labels[LABEL_KEYS.indexOf(key)];
    if (label) this.choose(label.name);
    return Boolean(label);
  }

  show() {
    const { labels, items } = this.notebook.annotations;
    if (!labels.some(({ name }) => name === this.current)) this.current = labels[0].name;
    // Rows stay where they are while their labels do: a double click needs its button to be there for both.
    const shown = JSON.stringify(labels);
    if (shown !== this.shown || this.list.querySelector("input")) {
      this.list.replaceChildren(...labels.map((label, place) => this.#row(label, LABEL_KEYS[place])));
      this.shown = shown;
    }
    const used = new Set(items.map((item) => item.label));
    labels.forEach(({ name }, place) => {
      const [button, remove] = this.list.children[place].children;
      button.setAttribute("aria-pressed", String(name === this.current));
      remove.hidden = used.has(name) || labels.length < 2;
    });
  }

  #row({ name, color }, key) {
    const swatch = h("span", { className: "swatch", "aria-hidden": "true" });
    swatch.style.setProperty("--label-color", color);
    const properties = { type: "button", className: "label", title: "Double click or F2 to rename" };
    const listeners = { onclick: () => this.choose(name), ondblclick: () => this.#rename(row, name) };
    const button = h("button", { ...properties, ...listeners }, swatch, h("span", { className: "label-name" }, name));
    if (key) button.append(h("kbd", {}, key.toUpperCase()));
    button.addEventListener("keydown", (event) => event.key === "F2" && this.#rename(row, name));
    const remove = () => this.notebook.change(removeLabel(this.notebook.annotations, name));
    const row = h(
      "li",
      {},
      button,
      iconButton("close", `Remove label ${name}`, null, remove, { className: "icon-button small" }),
    );
    return row;
  }

  #rename(row, name) {
    let isDone = false;
    const finish = (isKept) => {
      if (isDone) return;
      isDone = true;
      const newName = field.value.trim();
      if (this.current === name && isKept && newName) this.current = newName;
      if (isKept && newName && newName !== name) this.notebook.change(renameLabel(this.notebook.annotations, name, newName));
      else this.show();
    };
    const field = h("input", {
      type: "text",
      value: name,
      maxLength: 60,
      "aria-label": `New name of ${name}`,
      onblur: () => finish(true),
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    });
    row.replaceChildren(field);
    field.select();
  }
}
