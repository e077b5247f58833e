/** Small pictures for hovering over the timeline, out of the server's sprite sheets; each has a frame's own number. */

import { countUpTo } from "../frames/frame-times.js";

/** @typedef {{index: number, sheet: string, x: number, y: number, w: number, h: number}} Cue */

const CUE = /^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/;
const MOST_SHEETS = 8;

/** The cues of a WebVTT file whose identifiers are frame indices. @returns {Cue[]} by index */
export function parseCues(text) {
  const cues = [];
  for (const block of text.replaceAll("\r\n", "\n").split(/\n\n+/)) {
    const [identifier, times = "", payload = ""] = block.trim().split("\n");
    const place = CUE.exec(payload.trim());
    if (!/^\d+$/.test(identifier) || !times.includes("-->") || !place) continue;
    const [x, y, w, h] = place.slice(2).map(Number);
    cues.push({ index: Number(identifier), sheet: place[1], x, y, w, h });
  }
  return cues.sort((a, b) => a.index - b.index);
}

export class Previews {
  /** @param {import("../frames/video.js").Video} video */
  constructor(video) {
    this.video = video;
    /** @type {Promise<Cue[]> | null} */
    this.cues = null;
    /** @type {Map<string, Promise<ImageBitmap>>} */
    this.sheets = new Map();
  }

  /**
   * The preview nearest to a frame, not after it where there is one; null where there are none.
   * @returns {Promise<{cue: Cue, sheet: ImageBitmap} | null>} the cue's index is the frame that the picture shows
   */
  async near(index) {
    if (this.video.state?.state !== "ready") return null;
    this.cues ??= this.#load();
    let cues;
    try {
      cues = await this.cues;
    } catch {
      this.cues = null;
      return null;
    }
    if (!cues.length) return null;
    const upTo = countUpTo(
      cues.map((cue) => cue.index),
      index,
    );
    const cue = cues[Math.max(0, upTo - 1)];
    return { cue, sheet: await this.#sheet(cue.sheet) };
  }

  async close() {
    const sheets = [...this.sheets.values()];
    this.sheets.clear();
    for (const sheet of await Promise.allSettled(sheets)) sheet.value?.close();
  }

  async #load() {
    const answer = await this.video.get("/thumbnails.vtt", { query: { v: this.video.fingerprint } });
    return parseCues(await answer.text());
  }

  #sheet(name) {
    let sheet = this.sheets.get(name);
    if (!sheet) {
      sheet = this.#fetchSheet(name);
      sheet.catch(() => this.sheets.delete(name));
      if (this.sheets.size >= MOST_SHEETS) this.#dropOldest();
    }
    this.sheets.delete(name);
    this.sheets.set(name, sheet);
    return sheet;
  }

  async #fetchSheet(name) {
    // Relative to the cue file's own address.
    const path = `/${new URL(name, "http://host/").pathname.slice(1)}`;
    const answer = await this.video.get(path, { query: { v: this.video.fingerprint } });
    return createImageBitmap(await answer.blob());
  }

  #dropOldest() {
    const [name, sheet] = this.sheets.entries().next().value;
    this.sheets.delete(name);
    // Whoever draws from it does so in the task that got it.
    sheet.then((bitmap) => setTimeout(() => bitmap.close(), 1000)).catch(() => {});
  }
}
