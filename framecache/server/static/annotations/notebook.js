/**
 * The annotations being worked on: what is selected, undo and redo, and keeping them in the browser.
 *
 * Events: `change` (the document or the selection), `status` (kept, exported).
 */

import { EMPTY, faultOf, find, isEmpty } from "./annotations.js";
import * as history from "./history.js";

const PREFIX = "framecache:annotations:";

/** What the browser keeps under a key, or null; browsers may refuse all storage. */
function kept(key) {
  try {
    const { annotations, isExported } = JSON.parse(localStorage.getItem(key));
    return annotations.items.every((item) => !faultOf(item)) && annotations.labels.length ? { annotations, isExported } : null;
  } catch {
    return null;
  }
}

export class Notebook extends EventTarget {
  constructor() {
    super();
    this.history = history.begin(EMPTY);
    this.selectedId = null;
    this.key = null;
    /** Whether the browser keeps the present state. */
    this.isKept = true;
    /** Whether it was exported (or imported) as it is. */
    this.isExported = true;
    /** The document before a drag that is under way. */
    this.beforeDrag = null;
    this.onStorage = (event) => this.#changedElsewhere(event);
  }

  get annotations() {
    return this.history.present;
  }

  get selected() {
    return find(this.annotations, this.selectedId);
  }

  /** Takes up what the browser keeps for a video. */
  open(fingerprint) {
    const key = PREFIX + fingerprint;
    if (key === this.key) return;
    this.key = key;
    addEventListener("storage", this.onStorage);
    const found = kept(this.key);
    if (found && isEmpty(this.annotations)) {
      this.history = history.begin(found.annotations);
      this.isExported = Boolean(found.isExported);
    } else if (this.annotations !== EMPTY) this.#keep();
    this.#emit("change");
    this.#emit("status");
  }

  close() {
    removeEventListener("storage", this.onStorage);
  }

  /** The next document, as one step that can be undone. */
  change(annotations) {
    if (annotations === this.annotations) return;
    this.history = history.changed(this.history, annotations);
    this.#changed();
  }

  /** A state of a drag under way: seen, but no step yet. */
  preview(annotations) {
    this.beforeDrag ??= this.annotations;
    this.history = history.replaced(this.history, annotations);
    this.#emit("change");
  }

  get isDragging() {
    return this.beforeDrag !== null;
  }

  /** Ends a drag: all of it is one step, or with `isDropped` none. */
  endPreview(isDropped = false) {
    if (!this.beforeDrag) return;
    const after = this.annotations;
    this.history = history.replaced(this.history, this.beforeDrag);
    this.beforeDrag = null;
    if (isDropped) this.#emit("change");
    else this.change(after);
  }

  undo() {
    this.#move(history.undone(this.history));
  }

  redo() {
    this.#move(history.redone(this.history));
  }

  select(id) {
    if (id === this.selectedId) return;
    this.selectedId = id;
    this.#emit("change");
  }

  /** The present state is in a file now. */
  noteExport() {
    this.isExported = true;
    this.#keep();
  }

  /** Whether closing the page would lose something that no file holds. */
  get isAtRisk() {
    return !this.isExported;
  }

  #move(next) {
    if (next === this.history) return;
    this.history = next;
    this.#changed();
  }

  #changed() {
    if (this.selectedId !== null && !this.selected) this.selectedId = null;
    this.isExported = isEmpty(this.annotations);
    this.#keep();
    this.#emit("change");
  }

  #keep() {
    if (this.key) {
      try {
        localStorage.setItem(this.key, JSON.stringify({ annotations: this.annotations, isExported: this.isExported }));
        this.isKept = true;
      } catch {
        this.isKept = false;
      }
    }
    this.#emit("status");
  }

  /** Another tab changed the same video's annotations: taken over as a step, so that nothing is lost here either. */
  #changedElsewhere(event) {
    const found = event.key === this.key && this.key ? kept(this.key) : null;
    if (!found || this.beforeDrag) return;
    this.history = history.changed(this.history, found.annotations);
    this.isExported = Boolean(found.isExported);
    this.#emit("change");
    this.#emit("status");
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}
