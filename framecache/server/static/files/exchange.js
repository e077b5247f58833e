/** Annotations to files and back: which formats there are. Pure. */

import { readCoco, writeCoco } from "./format-coco.js";
import { readCsv, writeCsv } from "./format-csv.js";
import { readJson, writeJson } from "./format-json.js";

/** @typedef {import("./rows.js").Subject} Subject @typedef {import("./rows.js").Import} Import */

export const FORMATS = {
  json: { name: "JSON", ending: "json", type: "application/json", write: writeJson },
  csv: { name: "CSV", ending: "csv", type: "text/csv", write: writeCsv },
  coco: { name: "COCO", ending: "coco.json", type: "application/json", write: writeCoco },
};

/**
 * Reads a file of any of the formats, told by what is in it.
 * @param {string} text
 * @param {Subject} subject the video it is read for
 * @returns {Import} throws a SyntaxError whose message is meant for people
 */
export function read(text, subject) {
  const bare = text.replace(/^\uFEFF/, "");
  if (!/^\s*[[{]/.test(bare)) return readCsv(bare);
  let data;
  try {
    data = JSON.parse(bare);
  } catch (error) {
    throw new SyntaxError(`This is no whole JSON: ${error.message}.`);
  }
  if (Array.isArray(data.images) && Array.isArray(data.annotations)) return readCoco(data, subject);
  return readJson(data);
}

/** Without what lies past the end of the video. @returns {[import("../annotations/annotations.js").Annotations, number]} and how many */
export function within(annotations, nFrames) {
  const items = annotations.items.filter((item) => (item.kind === "range" ? item.last : item.frame) < nFrames);
  return [{ ...annotations, items }, annotations.items.length - items.length];
}
