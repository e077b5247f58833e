/** Draws the timeline: ruler, annotations, keyframes, what is at hand, the loop. Pure but for the canvas. */

import { colorOf } from "../annotations/annotations.js";

const INSET = 10;
const LANES = { ruler: [0, 15], notes: [18, 12], track: [33, 12] };
const LEAST_LABEL_PIXELS = 76;
const LEAST_TICK_PIXELS = 3;

/** The left edge of frame `index`, in CSS pixels. */
const leftOf = (index, nFrames, width) => INSET + (index / Math.max(1, nFrames)) * (width - 2 * INSET);
export const middleOf = (index, nFrames, width) => leftOf(index + 0.5, nFrames, width);

/** The frame under a place, clamped. */
export function frameAt(x, nFrames, width) {
  const index = Math.floor(((x - INSET) / Math.max(1, width - 2 * INSET)) * nFrames);
  return Math.min(nFrames - 1, Math.max(0, index));
}

/** A step of 1, 2 or 5 times a power of ten that leaves room for its labels. */
export function rulerStep(nFrames, width) {
  const least = (LEAST_LABEL_PIXELS * nFrames) / Math.max(1, width - 2 * INSET);
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return Math.max(
    1,
    [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least),
  );
}

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels
 * @param {{width: number, height: number}} size
 * @param {object} model nFrames, keyframes, cached, undecodable, loop, annotations
 * @param {Record<string, string>} colors
 */
export function paintStrip(context, size, model, colors) {
  context.clearRect(0, 0, size.width, size.height);
  if (!model.nFrames) return;
  const span = (first, stop) => {
    const left = leftOf(first, model.nFrames, size.width);
    return [left, Math.max(1, leftOf(stop, model.nFrames, size.width) - left)];
  };
  paintRuler(context, size, model, colors);
  paintTrack(context, size, model, colors, span);
  paintLoop(context, size, model, colors, span);
  paintNotes(context, size, model, colors, span);
}

function paintRuler(context, { width }, { nFrames }, colors) {
  const step = rulerStep(nFrames, width);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (let index = 0; index < nFrames; index += step) {
    const x = Math.round(leftOf(index, nFrames, width)) + 0.5;
    context.fillStyle = colors.line;
    context.fillRect(x - 0.5, 2, 1, 12);
    context.fillStyle = colors.quiet;
    const text = String(index);
    if (x + 4 + context.measureText(text).width < width - INSET / 2) context.fillText(text, x + 4, 8);
  }
}

function paintTrack(context, { width }, model, colors, span) {
  const [top, height] = LANES.track;
  const [left, whole] = span(0, model.nFrames);
  context.fillStyle = colors.track;
  context.fillRect(left, top, whole, height);
  context.fillStyle = colors.cached;
  for (const [first, stop] of model.cached) context.fillRect(...fromTop(span(first, stop), top + height - 4, 4));
  context.fillStyle = colors.key;
  const ticks = model.keyframes.length;
  // Where they would run together, those that fit stand for all.
  const every = Math.max(1, Math.ceil((ticks * LEAST_TICK_PIXELS) / (width - 2 * INSET)));
  for (let place = 0; place < ticks; place += every) {
    context.fillRect(Math.round(leftOf(model.keyframes[place], model.nFrames, width)), top - 1, 1.5, height - 2);
  }
  context.fillStyle = colors.bad;
  for (const index of model.undecodable) context.fillRect(...fromTop(span(index, index + 1), top, height - 4));
}

const fromTop = ([left, width], top, height) => [left, top, width, height];

function paintLoop(context, size, { loop, nFrames }, colors, span) {
  if (loop.first === null && loop.last === null) return;
  const [a, b] = [loop.first ?? 0, loop.last ?? nFrames - 1].sort((x, y) => x - y);
  const [left, width] = span(a, b + 1);
  context.fillStyle = loop.isOn ? colors.loopOn : colors.loopOff;
  context.fillRect(left, LANES.notes[0] - 2, width, size.height - LANES.notes[0]);
  context.fillStyle = loop.isOn ? colors.accent : colors.quiet;
  context.fillRect(left, LANES.notes[0] - 2, 2, size.height);
  context.fillRect(left + width - 2, LANES.notes[0] - 2, 2, size.height);
}

function paintNotes(context, { width }, { annotations, nFrames }, _colors, span) {
  const [top, height] = LANES.notes;
  for (const item of annotations.items) {
    context.fillStyle = colorOf(annotations, item.label);
    if (item.kind === "range") context.fillRect(...fromTop(span(item.first, item.last + 1), top + height - 5, 4));
    else if (item.kind === "box") paintDot(context, middleOf(item.frame, nFrames, width), top + 5);
    else paintFlag(context, middleOf(item.frame, nFrames, width), top - 1, height);
  }
}

function paintDot(context, x, y) {
  context.fillRect(x - 2, y - 2, 4, 4);
}

function paintFlag(context, x, top, height) {
  context.beginPath();
  context.moveTo(x - 4, top);
  context.lineTo(x + 4, top);
  context.lineTo(x, top + height - 3);
  context.fill();
}
