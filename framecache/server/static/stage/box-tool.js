/** Boxes under the pointer: draw, select, move and resize them. Each drag is one step of undo. */

import { add, boxesOn, change, fitted } from "../annotations/annotations.js";
import { between, boxAt, handleAt, moved, resized } from "./box-geometry.js";

const REACH_PIXELS = { mouse: 7, pen: 10, touch: 22 };
// A drag shorter than this is a click.
const LEAST_DRAG_PIXELS = 4;

export class BoxTool {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {import("../annotations/notebook.js").Notebook} notebook
   * @param {() => void} hold makes the frame on the screen the one that stays
   */
  constructor(stage, notebook, hold) {
    this.stage = stage;
    this.notebook = notebook;
    this.hold = hold;
    this.isDrawing = false;
    this.label = notebook.annotations.labels[0].name;
    /** The drag under way. @type {{frame: number, apply: (dx: number, dy: number) => void, from: {x: number, y: number}} | null} */
    this.drag = null;
    const { element } = stage;
    element.addEventListener("pointermove", (event) => (this.drag ? this.#move(event) : this.#hover(event)));
    element.addEventListener("pointerup", (event) => this.#end(event, false));
    element.addEventListener("pointercancel", (event) => this.#end(event, true));
  }

  setDrawing(isDrawing) {
    this.isDrawing = isDrawing;
    this.stage.element.classList.toggle("drawing", isDrawing);
  }

  /** Takes a pointer that goes down on a box, on a handle, or to draw. @returns {boolean} whether it did */
  takes(event) {
    const { picture } = this.stage;
    if (!picture?.bitmap || this.drag) return false;
    const point = this.stage.pointOf(event);
    const target = this.#targetAt(point, event.pointerType);
    if (!target && !this.isDrawing) {
      this.notebook.select(null);
      return false;
    }
    this.hold();
    const start = target ? this.#grabbing(target) : this.#drawing(point);
    this.drag = { frame: picture.index, from: point, client: event, pointerId: event.pointerId, isBeyondClick: false, ...start };
    this.stage.element.setPointerCapture(event.pointerId);
    return true;
  }

  /** Ends a drag as if it had not been, where the frame under it changes. */
  drop() {
    if (!this.drag) return;
    this.drag = null;
    this.notebook.endPreview(true);
  }

  #reach(pointerType) {
    const { rect, pixels } = this.stage;
    const reach = REACH_PIXELS[pointerType] ?? REACH_PIXELS.mouse;
    return { x: (reach * pixels.width) / rect.width, y: (reach * pixels.height) / rect.height };
  }

  /** @returns {{box: object, handle: string | null} | null} */
  #targetAt(point, pointerType) {
    const boxes = boxesOn(this.notebook.annotations, this.stage.picture.index);
    const selected = boxes.find((box) => box.id === this.notebook.selectedId);
    const handle = selected && handleAt(selected, point, this.#reach(pointerType));
    if (handle) return { box: selected, handle };
    // While drawing, new boxes begin inside others too; the selected one can still be moved.
    const box = this.isDrawing ? selected && boxAt([selected], point) : boxAt(boxes, point);
    return box ? { box, handle: null } : null;
  }

  #grabbing({ box, handle }) {
    this.notebook.select(box.id);
    const before = this.notebook.annotations;
    const { pixels } = this.stage;
    const shape = (dx, dy) => (handle ? resized(box, handle, dx, dy, pixels) : moved(box, dx, dy));
    return { apply: (dx, dy) => this.notebook.preview(change(before, box.id, fitted(shape(dx, dy), pixels))) };
  }

  #drawing(from) {
    this.notebook.select(null);
    const before = this.notebook.annotations;
    const { pixels, picture } = this.stage;
    const clamp = ({ x, y }) => ({ x: Math.min(pixels.width, Math.max(0, x)), y: Math.min(pixels.height, Math.max(0, y)) });
    return {
      apply: (dx, dy) => {
        const sides = fitted(between(clamp(from), clamp({ x: from.x + dx, y: from.y + dy })), pixels);
        this.notebook.preview(add(before, { kind: "box", label: this.label, frame: picture.index, ...sides }));
        this.notebook.select(before.nextId);
      },
    };
  }

  #move(event) {
    const { drag } = this;
    if (event.pointerId !== drag.pointerId) return;
    const distance = Math.hypot(event.clientX - drag.client.clientX, event.clientY - drag.client.clientY);
    drag.isBeyondClick ||= distance >= LEAST_DRAG_PIXELS;
    if (!drag.isBeyondClick) return;
    const point = this.stage.pointOf(event);
    drag.apply(point.x - drag.from.x, point.y - drag.from.y);
  }

  #end(event, isDropped) {
    if (!this.drag || event.pointerId !== this.drag.pointerId) return;
    const { isBeyondClick, from } = this.drag;
    this.drag = null;
    this.notebook.endPreview(isDropped);
    if (isBeyondClick || !this.isDrawing) return;
    const box = boxAt(boxesOn(this.notebook.annotations, this.stage.picture.index), from);
    this.notebook.select(box?.id ?? null);
  }

  #hover(event) {
    if (event.pointerType !== "mouse" || !this.stage.picture?.bitmap) return;
    const target = this.#targetAt(this.stage.pointOf(event), "mouse");
    this.stage.element.dataset.over = target ? (target.handle ?? "box") : "";
  }
}
