/** The annotations of a video: an immutable document, and functions that give the next one. Pure. */

/**
 * @typedef {{name: string, color: string}} Label
 * @typedef {{id: number, kind: "mark", label: string, frame: number}} Mark
 * @typedef {{id: number, kind: "range", label: string, first: number, last: number}} Range both ends included
 * @typedef {{id: number, kind: "box", label: string, frame: number, x: number, y: number, w: number, h: number}} Box
 *   in pixels of the whole displayed picture, from its upper left corner
 * @typedef {{labels: Label[], items: (Mark | Range | Box)[], nextId: number}} Annotations
 */

const COLORS = ["#4f9cf9", "#f2a33a", "#4cc38a", "#e5679b", "#a98bf5", "#e8c547", "#39c0c8", "#f0705a", "#9aa7b8"];
const KINDS = ["mark", "range", "box"];

/** @type {Annotations} */
export const EMPTY = Object.freeze({
  labels: Object.freeze([{ name: "object", color: COLORS[0] }]),
  items: Object.freeze([]),
  nextId: 1,
});

/** Hundredths of a pixel are more than anybody can point at, and survive every format. */
export const rounded = (pixels) => Math.round(pixels * 100) / 100;

export const isEmpty = (annotations) => annotations.items.length === 0;

/** The frame at which an item begins. */
export const frameOf = (item) => (item.kind === "range" ? item.first : item.frame);

/** Whether an item belongs to a frame. */
export const isOn = (item, frame) => (item.kind === "range" ? item.first <= frame && frame <= item.last : item.frame === frame);

export const find = (annotations, id) => annotations.items.find((item) => item.id === id) ?? null;

export const boxesOn = (annotations, frame) => annotations.items.filter((item) => item.kind === "box" && item.frame === frame);

export function colorOf(annotations, name) {
  return annotations.labels.find((label) => label.name === name)?.color ?? COLORS.at(-1);
}

/** Items in the order of time, then as they were made. */
export function inOrder(items) {
  return [...items].sort((a, b) => frameOf(a) - frameOf(b) || a.id - b.id);
}

/** @param {Omit<Mark | Range | Box, "id">} item @returns {Annotations} the new item's id is the old `nextId` */
export function add(annotations, item) {
  const labelled = withLabel(annotations, item.label);
  return { ...labelled, items: [...labelled.items, { id: labelled.nextId, ...item }], nextId: labelled.nextId + 1 };
}

export function change(annotations, id, changes) {
  const labelled = changes.label === undefined ? annotations : withLabel(annotations, changes.label);
  return { ...labelled, items: labelled.items.map((item) => (item.id === id ? { ...item, ...changes } : item)) };
}

export function remove(annotations, id) {
  return { ...annotations, items: annotations.items.filter((item) => item.id !== id) };
}

/** Copies boxes to another frame, but for those that lie there already. @returns {Annotations} */
export function carry(annotations, boxes, frame) {
  const there = new Set(boxesOn(annotations, frame).map(shape));
  const missing = boxes.filter((box) => !there.has(shape(box)));
  return missing.reduce((result, { id: _, ...box }) => add(result, { ...box, frame }), annotations);
}

const shape = ({ label, x, y, w, h }) => [label, x, y, w, h].join();

/** With a label of that name; a new one gets the next colour. */
export function withLabel(annotations, name) {
  if (annotations.labels.some((label) => label.name === name)) return annotations;
  const color = COLORS[annotations.labels.length % COLORS.length];
  return { ...annotations, labels: [...annotations.labels, { name, color }] };
}

/** Another name for a label, here and on its items; where there is a label of that name, the two become one. */
export function renameLabel(annotations, name, newName) {
  const isTaken = annotations.labels.some((label) => label.name === newName);
  return {
    ...annotations,
    labels: isTaken
      ? annotations.labels.filter((label) => label.name !== name)
      : annotations.labels.map((label) => (label.name === name ? { ...label, name: newName } : label)),
    items: annotations.items.map((item) => (item.label === name ? { ...item, label: newName } : item)),
  };
}

/** Without a label that nothing carries. */
export function removeLabel(annotations, name) {
  const isUsed = annotations.items.some((item) => item.label === name);
  if (isUsed || annotations.labels.length < 2) return annotations;
  return { ...annotations, labels: annotations.labels.filter((label) => label.name !== name) };
}

/** Both: the items of `more` come after, under new ids. */
export function merged(annotations, more) {
  const labelled = more.labels.reduce((result, label) => {
    const isThere = result.labels.some(({ name }) => name === label.name);
    return isThere ? result : { ...result, labels: [...result.labels, label] };
  }, annotations);
  const items = more.items.map((item, place) => ({ ...item, id: labelled.nextId + place }));
  return { ...labelled, items: [...labelled.items, ...items], nextId: labelled.nextId + items.length };
}

/** A box of at least one pixel, within the picture. */
export function fitted({ x, y, w, h }, picture) {
  const width = Math.min(picture.width, Math.max(1, w));
  const height = Math.min(picture.height, Math.max(1, h));
  return {
    x: rounded(Math.min(picture.width - width, Math.max(0, x))),
    y: rounded(Math.min(picture.height - height, Math.max(0, y))),
    w: rounded(width),
    h: rounded(height),
  };
}

/** What is wrong with an item that came from outside; null where nothing is. */
export function faultOf(item) {
  const isFrame = (value) => Number.isInteger(value) && value >= 0;
  if (!KINDS.includes(item.kind)) return `the kind ${JSON.stringify(item.kind)} is none of ${KINDS.join(", ")}`;
  if (typeof item.label !== "string" || !item.label.trim()) return "the label is missing";
  if (item.kind === "range") {
    return isFrame(item.first) && isFrame(item.last) && item.first <= item.last
      ? null
      : `${item.first} to ${item.last} is no range of frames`;
  }
  if (!isFrame(item.frame)) return `${JSON.stringify(item.frame)} is no frame index`;
  if (item.kind === "mark") return null;
  const sides = [item.x, item.y, item.w, item.h];
  return sides.every(Number.isFinite) && item.w > 0 && item.h > 0 ? null : `${sides.join(", ")} is no box`;
}
