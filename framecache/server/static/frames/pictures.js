/** Decoded pictures at hand, the least recently used out first, within a budget of bytes. */

/**
 * One frame as the server gave it. Number and picture stay together in here, so that neither is shown without the other.
 * @typedef {object} Picture
 * @property {number} index the frame's index, from the answer's own header
 * @property {number} seconds
 * @property {number | null} pts
 * @property {boolean} isKeyframe
 * @property {ImageBitmap | null} bitmap null where the frame cannot be decoded
 * @property {number} fullWidth, fullHeight pixels of the whole displayed picture; the bitmap may be smaller
 * @property {string | null} failure why there is no bitmap
 * @property {number} width how wide it was asked for, in pixels; Infinity for the whole. What it is may be less
 * @property {boolean} isAhead whether it was read ahead, and not wanted itself
 */

const LEAST_BYTES = 256;

/** What a bitmap holds, in bytes. */
function bytesOf(picture) {
  return picture.bitmap ? picture.bitmap.width * picture.bitmap.height * 4 : LEAST_BYTES;
}

export class Pictures {
  /** @param {number} budgetBytes */
  constructor(budgetBytes) {
    this.budgetBytes = budgetBytes;
    this.heldBytes = 0;
    /** @type {Map<number, Picture>} by index, oldest use first */
    this.byIndex = new Map();
    /** @type {Picture | null} */
    this.shown = null;
  }

  /** The picture of a frame, of any size, or undefined. */
  get(index) {
    const picture = this.byIndex.get(index);
    if (picture) {
      this.byIndex.delete(index);
      this.byIndex.set(index, picture);
    }
    return picture;
  }

  /** Whether there is one that was asked for at least so wide. */
  has(index, width = 0) {
    return (this.byIndex.get(index)?.width ?? -1) >= width;
  }

  /** How many pictures like the one on the screen half the budget holds. */
  get room() {
    return Math.floor(this.budgetBytes / 2 / (this.shown ? bytesOf(this.shown) : LEAST_BYTES));
  }

  /** Keeps a picture, unless a larger one of its frame is here. @returns {Picture} the one that is kept */
  put(picture) {
    const before = this.byIndex.get(picture.index);
    if (before && before.width >= picture.width) {
      picture.bitmap?.close();
      return before;
    }
    if (before) this.#drop(before);
    this.byIndex.set(picture.index, picture);
    this.heldBytes += bytesOf(picture);
    this.#shrink(picture);
    return picture;
  }

  /** The picture on the screen: its bitmap stays open until another is. */
  show(picture) {
    const before = this.shown;
    this.shown = picture;
    if (before && before !== picture && this.byIndex.get(before.index) !== before) before.bitmap?.close();
  }

  clear() {
    for (const picture of [...this.byIndex.values()]) this.#drop(picture);
    this.shown?.bitmap?.close();
    this.shown = null;
  }

  #shrink(newest) {
    for (const picture of this.byIndex.values()) {
      if (this.heldBytes <= this.budgetBytes) return;
      if (picture !== newest) this.#drop(picture);
    }
  }

  #drop(picture) {
    this.byIndex.delete(picture.index);
    this.heldBytes -= bytesOf(picture);
    if (picture !== this.shown) picture.bitmap?.close();
  }
}
