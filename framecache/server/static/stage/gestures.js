/** Pointers and wheel on the stage: pan, pinch and zoom; what draws boxes is asked first. */

const WHEEL_STEP = 0.0015;
const LINE_PIXELS = 16;

export class Gestures {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {object} options
   * @param {(event: PointerEvent) => boolean} options.takes whether something else takes this pointer
   * @param {() => void} options.giveBack ends what took a pointer, as a second finger makes it a pinch
   * @param {() => boolean} options.isWheelOurs whether a plain wheel zooms, and does not scroll the page around
   * @param {(frames: number) => void} options.onStep shift and wheel
   */
  constructor(stage, options) {
    this.stage = stage;
    this.options = options;
    /** @type {Map<number, {x: number, y: number}>} */
    this.pointers = new Map();
    /** The pointer that something else took. @type {{id: number, x: number, y: number} | null} */
    this.lent = null;
    const { element } = stage;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => this.#up(event));
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #place(event) {
    const bounds = this.stage.element.getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  }

  #down(event) {
    if (event.button > 1) return;
    if (this.lent && event.pointerType === "touch") this.#takeBack();
    else if (event.button === 0 && this.pointers.size === 0 && this.options.takes(event)) {
      this.lent = { id: event.pointerId, ...this.#place(event) };
      return;
    }
    this.pointers.set(event.pointerId, this.#place(event));
    this.stage.element.setPointerCapture(event.pointerId);
  }

  #takeBack() {
    const { id, x, y } = this.lent;
    this.lent = null;
    this.options.giveBack();
    this.pointers.set(id, { x, y });
  }

  #up({ pointerId }) {
    this.pointers.delete(pointerId);
    if (this.lent?.id === pointerId) this.lent = null;
  }

  #move(event) {
    if (this.lent?.id === event.pointerId) Object.assign(this.lent, this.#place(event));
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    if (this.pointers.size === 1) this.stage.pan(now.x - before.x, now.y - before.y);
    else this.#pinch(event.pointerId, before, now);
    this.pointers.set(event.pointerId, now);
  }

  #pinch(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.stage.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.stage.zoomAbout(distance(now) / distance(before), middle.x, middle.y);
  }

  #wheel(event) {
    if (!event.ctrlKey && !this.options.isWheelOurs()) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1;
    const delta = (event.deltaY || event.deltaX) * lines;
    if (event.shiftKey) {
      this.options.onStep(Math.sign(delta));
      return;
    }
    const { x, y } = this.#place(event);
    this.stage.zoomAbout(Math.exp(-delta * WHEEL_STEP * (event.ctrlKey ? 6 : 1)), x, y);
  }
}
