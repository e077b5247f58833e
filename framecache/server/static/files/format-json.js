/** The house's own format: all there is, one row an annotation. Pure. */

import { assembled, byId, itemOf, rowOf } from "./rows.js";

const FORMAT = "framecache-annotations";

/** @param {import("../annotations/annotations.js").Annotations} annotations @param {import("./rows.js").Subject} subject */
export function writeJson(annotations, subject) {
  const { name, fingerprint, width, height, times } = subject;
  const video = { name, fingerprint, width, height, n_frames: times.nFrames, time_base: `${times.above}/${times.below}` };
  const rows = byId(annotations.items).map((item) => rowOf(item, subject));
  return `${JSON.stringify({ format: FORMAT, version: 1, video, labels: annotations.labels, annotations: rows }, null, 2)}\n`;
}

/** @returns {import("./rows.js").Import} */
export function readJson(data) {
  if (data.format !== FORMAT || !Array.isArray(data.annotations)) {
    throw new SyntaxError("This is neither an export of this page (JSON or CSV) nor COCO.");
  }
  const annotations = assembled(data.labels ?? [], data.annotations.map(itemOf), (place) => `Annotation ${place + 1}`);
  return { annotations, fingerprint: data.video?.fingerprint ?? null, video: data.video?.name ?? null };
}
