/** One row an annotation, for spreadsheets and data frames (RFC 4180). Pure. */

import { colorOf } from "../annotations/annotations.js";
import { assembled, byId, itemOf, rowOf } from "./rows.js";

const COLUMNS = ["id", "kind", "label", "index", "pts", "time", "last_index", "last_pts", "last_time"];
COLUMNS.push("x", "y", "w", "h", "color", "fingerprint");
const NUMBERS = new Set(["id", "index", "last_index", "x", "y", "w", "h"]);

const field = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** @param {import("../annotations/annotations.js").Annotations} annotations @param {import("./rows.js").Subject} subject */
export function writeCsv(annotations, subject) {
  const lines = byId(annotations.items).map((item) => {
    const row = { ...rowOf(item, subject), color: colorOf(annotations, item.label) };
    return COLUMNS.map((column) => field(row[column])).join(",");
  });
  return [COLUMNS.join(","), ...lines, ""].join("\r\n");
}

/** The fields of each record. @returns {string[][]} */
export function parseCsv(text) {
  const records = [[]];
  let end = 0;
  let isAfterRecord = false;
  // A field and what ends it: quoted with doubled quotes, or bare.
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy)) {
    const [whole, quoted, bare, delimiter] = match;
    if (isAfterRecord) records.push([]);
    records.at(-1).push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    isAfterRecord = delimiter !== ",";
    end = match.index + whole.length;
    if (!delimiter) break;
  }
  if (end < text.length)
    throw new SyntaxError(`Row ${records.length}: a quote is not closed, or stands in a field without quotes.`);
  return records.filter((record) => record.length > 1 || record[0] !== "");
}

/** @returns {import("./rows.js").Import} */
export function readCsv(text) {
  const [heads, ...records] = parseCsv(text);
  for (const column of ["kind", "label", "index"]) {
    if (!heads?.includes(column))
      throw new SyntaxError(`The first line has no column "${column}": it is no CSV export of this page.`);
  }
  const rows = records.map((record) => {
    const pairs = heads.map((head, place) => [head, record[place] ?? ""]);
    return Object.fromEntries(pairs.map(([head, value]) => [head, NUMBERS.has(head) && value.trim() ? Number(value) : value]));
  });
  const labels = rows.map((row) => ({ name: row.label, color: row.color }));
  const annotations = assembled(labels, rows.map(itemOf), (place) => `Row ${place + 2}`);
  return { annotations, fingerprint: rows.find((row) => row.fingerprint)?.fingerprint ?? null, video: null };
}
