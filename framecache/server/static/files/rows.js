/** Annotations as rows of a file and back: what all formats tell. Pure. */

import { EMPTY, faultOf, withLabel } from "../annotations/annotations.js";

/**
 * What a file is written for.
 * @typedef {object} Subject
 * @property {string} name the video's name
 * @property {string} fingerprint
 * @property {number} width, height pixels of the displayed picture
 * @property {import("../frames/frame-times.js").FrameTimes} times
 */

/** What was read: `fingerprint` and `video` are null where the file does not tell. */
/** @typedef {{annotations: import("../annotations/annotations.js").Annotations, fingerprint: string | null, video: string | null}} Import */

/** Whose is a frame: its index, its timestamp, its time in seconds, and the video's fingerprint. */
export function placeOf(frame, subject) {
  return {
    index: frame,
    pts: subject.times.pts[frame] ?? null,
    time: frame < subject.times.nFrames ? subject.times.seconds(frame) : null,
    fingerprint: subject.fingerprint,
  };
}

/** Items in the order of their ids, which every format keeps. */
export const byId = (items) => [...items].sort((a, b) => a.id - b.id);

/**
 * Makes a document of the items of a file.
 * @param {{name: string, color?: string}[]} labels
 * @param {object[]} items ids may be missing
 * @param {(place: number) => string} where names an item in messages
 */
export function assembled(labels, items, where) {
  let annotations = { ...EMPTY, labels: [] };
  for (const label of labels) {
    annotations = withLabel(annotations, String(label.name));
    const color = /^#[0-9a-f]{6}$/i.test(label.color ?? "") ? label.color : null;
    if (color) annotations.labels = annotations.labels.map((own) => (own.name === label.name ? { ...own, color } : own));
  }
  const ids = new Set();
  let largest = 0;
  items.forEach((item, place) => {
    const fault = faultOf(item);
    if (fault) throw new SyntaxError(`${where(place)}: ${fault}.`);
    if (!Number.isInteger(item.id) || item.id < 1 || ids.has(item.id)) item.id = largest + 1;
    ids.add(item.id);
    largest = Math.max(largest, item.id);
    annotations = withLabel(annotations, item.label);
  });
  if (!annotations.labels.length) annotations = { ...annotations, labels: EMPTY.labels };
  return { ...annotations, items: byId(items), nextId: largest + 1 };
}

/** An item as one flat row; a range also tells its last frame. */
export function rowOf(item, subject) {
  const { id, kind, label } = item;
  if (kind === "range") {
    const last = placeOf(item.last, subject);
    const { fingerprint, ...first } = placeOf(item.first, subject);
    return { id, kind, label, ...first, last_index: last.index, last_pts: last.pts, last_time: last.time, fingerprint };
  }
  const { fingerprint, ...place } = placeOf(item.frame, subject);
  const sides = kind === "box" ? { x: item.x, y: item.y, w: item.w, h: item.h } : {};
  return { id, kind, label, ...place, ...sides, fingerprint };
}

/** The item of such a row. */
export function itemOf({ id, kind, label, index, last_index: last, x, y, w, h }) {
  if (kind === "range") return { id, kind, label, first: index, last };
  if (kind === "box") return { id, kind, label, frame: index, x, y, w, h };
  return { id, kind, label, frame: index };
}
