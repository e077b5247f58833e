/** What lies over the picture: the boxes of the frame shown, its marks and ranges. Drawn in the same task as the picture. */

import { boxesOn, colorOf, isOn } from "../annotations/annotations.js";
import { centreOf, HANDLES } from "./box-geometry.js";
import { h } from "../elements/dom.js";

export class Overlay {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {import("../annotations/notebook.js").Notebook} notebook
   */
  constructor(stage, notebook) {
    this.stage = stage;
    this.notebook = notebook;
    this.boxes = h("div", { className: "boxes", "aria-hidden": "true" });
    this.chips = h("div", { className: "chips", "aria-hidden": "true" });
    stage.element.append(this.boxes, this.chips);
  }

  /** Draws what belongs to the picture on the stage. */
  paint() {
    const frame = this.stage.picture?.index;
    const { annotations, selectedId } = this.notebook;
    const boxes = frame === undefined ? [] : boxesOn(annotations, frame);
    this.boxes.replaceChildren(...boxes.flatMap((box) => this.#box(box, colorOf(annotations, box.label), box.id === selectedId)));
    const others = frame === undefined ? [] : annotations.items.filter((item) => item.kind !== "box" && isOn(item, frame));
    this.chips.replaceChildren(...others.map((item) => this.#chip(item, colorOf(annotations, item.label))));
  }

  #onStage(point) {
    const { rect, pixels } = this.stage;
    return { x: rect.left + (point.x / pixels.width) * rect.width, y: rect.top + (point.y / pixels.height) * rect.height };
  }

  #box(box, color, isSelected) {
    const from = this.#onStage(box);
    const to = this.#onStage({ x: box.x + box.w, y: box.y + box.h });
    const element = h(
      "div",
      { className: isSelected ? "box selected" : "box" },
      h("span", { className: "box-label" }, box.label),
    );
    Object.assign(element.style, {
      left: `${from.x}px`,
      top: `${from.y}px`,
      width: `${to.x - from.x}px`,
      height: `${to.y - from.y}px`,
    });
    element.style.setProperty("--label-color", color);
    element.classList.toggle("at-top", from.y < 20);
    return isSelected ? [element, ...HANDLES.map((handle) => this.#handle(box, handle, color))] : [element];
  }

  #handle(box, [name, across, down], color) {
    const { x, y } = this.#onStage(centreOf(box, across, down));
    const element = h("div", { className: `handle handle-${name}` });
    Object.assign(element.style, { left: `${x}px`, top: `${y}px` });
    element.style.setProperty("--label-color", color);
    return element;
  }

  #chip(item, color) {
    const place = item.kind === "range" ? ` ${item.first}–${item.last}` : "";
    const chip = h("span", { className: "chip" }, `${item.kind} · ${item.label}${place}`);
    chip.style.setProperty("--label-color", color);
    return chip;
  }
}
