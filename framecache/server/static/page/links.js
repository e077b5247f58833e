/** Links that restore what was seen: `?frame=150`, `#t=5.005`, `#view=zoom,x,y`. Pure. */

import { parseSeconds } from "../playing/timecode.js";

/** Where the server is, which another application or a proxy may have put under a path of its own. */
export const BASE = new URL("../../", import.meta.url);

/**
 * @param {URL | Location} link
 * @returns {{frame: number | null, seconds: number | null, view: {zoom: number, x: number, y: number} | null}}
 */
export function readLink(link) {
  const hash = new URLSearchParams(link.hash.replace(/^#/, ""));
  const query = new URLSearchParams(link.search);
  // What was put behind the # later than the address was made is what is meant.
  const said = hash.has("frame") || hash.has("t") ? hash : query;
  const frame = said.get("frame");
  const time = said.get("t");
  const view = (hash.get("view") ?? "").split(",").map(Number);
  return {
    frame: frame !== null && /^-?\d{1,15}$/.test(frame) ? Number(frame) : null,
    seconds: time === null ? null : parseSeconds(time),
    view: view.length === 3 && view.every(Number.isFinite) ? { zoom: view[0], x: view[1], y: view[2] } : null,
  };
}

/** The same page with this frame and view in its link. @returns {string} path, query and hash */
export function writeLink(link, frame, view) {
  const query = new URLSearchParams(link.search);
  query.set("frame", String(frame));
  query.delete("t");
  const zoomed = view && view.zoom > 1;
  const hash = zoomed ? `#view=${[view.zoom, view.x, view.y].map((part) => Number(part.toFixed(4))).join(",")}` : "";
  return `${link.pathname}?${query}${hash}`;
}
