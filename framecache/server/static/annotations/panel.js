/** The side panel: labels, what is annotated, the selected item's fields, files. */

import { colorOf, frameOf, inOrder, isOn } from "./annotations.js";
import { h, icon, iconButton, setText } from "../elements/dom.js";
import { Inspector } from "./inspector.js";
import { LabelList } from "./label-list.js";

// A longer list shows those nearest to the frame on the screen.
const MOST_ROWS = 200;

export class Panel {
  /**
   * @param {import("./notebook.js").Notebook} notebook
   * @param {import("../playing/session.js").Session} session
   * @param {(command: string, amount?: unknown) => void} run a command of commands.js
   */
  constructor(notebook, session, run) {
    this.notebook = notebook;
    this.session = session;
    this.run = run;
    this.labels = new LabelList(notebook);
    this.inspector = new Inspector(notebook, session);
    this.list = h("ul", { className: "items" });
    this.summary = h("p", { className: "hint summary" });
    this.status = h("p", { className: "hint status", role: "status" });
    this.heading = h("h2", {}, "Annotations");
    const history = [
      iconButton("undo", "Undo", "Ctrl Z", () => run("undo")),
      iconButton("redo", "Redo", "Ctrl Y", () => run("redo")),
      iconButton("carry", "Carry the boxes to the next frame", "N", () => run("carry")),
    ];
    [this.undoButton, this.redoButton] = history;
    this.element = h(
      "aside",
      { className: "panel", "aria-label": "Annotations" },
      h("section", {}, h("div", { className: "panel-head" }, h("h2", {}, "Labels")), this.labels.element),
      h(
        "section",
        { className: "items-section" },
        h("div", { className: "panel-head" }, this.heading, ...history),
        this.summary,
        this.list,
      ),
      this.inspector.element,
      h("section", { className: "files" }, this.#files(), this.status),
    );
  }

  #files() {
    const action = (words, command, amount, name) =>
      h("button", { type: "button", className: "text-button", onclick: () => this.run(command, amount) }, icon(name), words);
    return h(
      "div",
      { className: "file-buttons" },
      h("span", { className: "caption" }, "Export"),
      action("JSON", "export", "json", "exportFile"),
      action("CSV", "export", "csv", "exportFile"),
      action("COCO", "export", "coco", "exportFile"),
      action("Import", "import", undefined, "importFile"),
    );
  }

  /** Shows the document as it is now. */
  show() {
    this.labels.show();
    this.inspector.show();
    this.#showItems();
    const { past, future } = this.notebook.history;
    this.undoButton.disabled = !past.length;
    this.redoButton.disabled = !future.length;
  }

  /** Marks the rows that belong to the frame on the screen; a list too long for all of them moves on once playing stops. */
  showFrame() {
    const frame = this.session.shown?.index;
    const { items } = this.notebook.annotations;
    if (items.length > MOST_ROWS) {
      if (!this.session.rate) this.#showItems();
      return;
    }
    const here = new Set(items.filter((item) => isOn(item, frame)).map((item) => String(item.id)));
    for (const row of this.list.children) row.classList.toggle("here", here.has(row.dataset.id));
  }

  showStatus() {
    const { isKept, isExported, annotations, key } = this.notebook;
    const kept = !key ? "" : isKept ? "Kept in this browser" : "This browser cannot keep them: export them";
    const exported = !annotations.items.length ? "" : isExported ? "exported" : "not exported yet";
    setText(this.status, annotations.items.length ? [kept, exported].filter(Boolean).join(" · ") : "");
    this.status.classList.toggle("warning", !isKept);
  }

  #showItems() {
    const { items } = this.notebook.annotations;
    const frame = this.session.shown?.index ?? 0;
    const shown = inOrder(nearest(items, frame));
    const focused = this.list.getRootNode().activeElement?.closest?.("[data-id]")?.dataset.id;
    this.list.replaceChildren(...shown.map((item) => this.#row(item, frame)));
    if (focused) this.list.querySelector(`[data-id="${focused}"] .item`)?.focus();
    setText(this.heading, items.length ? `Annotations (${items.length})` : "Annotations");
    const more = items.length > shown.length ? `The ${shown.length} nearest to this frame are listed.` : "";
    setText(this.summary, items.length ? more : "M marks this frame, Shift M begins a range, B draws boxes.");
  }

  #row(item, frame) {
    const isSelected = item.id === this.notebook.selectedId;
    const where = item.kind === "range" ? `${item.first} – ${item.last}` : String(item.frame);
    const choose = () => {
      this.session.goTo(frameOf(item));
      this.notebook.select(item.id);
    };
    const dot = h("span", { className: "dot", "aria-hidden": "true" }, icon(item.kind));
    dot.style.setProperty("--label-color", colorOf(this.notebook.annotations, item.label));
    const words = [h("span", { className: "item-where" }, where), h("span", { className: "item-label" }, item.label)];
    const name = `${item.kind} ${item.label}, frame ${where}`;
    const button = h(
      "button",
      { type: "button", className: "item", "aria-label": name, "aria-pressed": String(isSelected), onclick: choose },
      dot,
      ...words,
    );
    const remove = iconButton("close", `Delete ${name}`, null, () => this.run("removeItem", item.id), {
      className: "icon-button small",
    });
    const row = h("li", { "data-id": String(item.id) }, button, remove);
    row.classList.toggle("here", isOn(item, frame));
    return row;
  }
}

/** At most MOST_ROWS of the items, those nearest to a frame. */
function nearest(items, frame) {
  if (items.length <= MOST_ROWS) return items;
  const away = (item) => Math.abs(frameOf(item) - frame);
  return [...items].sort((a, b) => away(a) - away(b)).slice(0, MOST_ROWS);
}
