/** Where playback is at a moment. Pure. Positions are seconds into the video; moments are milliseconds of one clock. */

export const LARGEST_RATE = 64;
const SMALLEST_RATE = 0.01;

/** @param {number} rate @returns {number} a speed that can be played, with its sign; 0 stays 0 */
export function boundedRate(rate) {
  if (!Number.isFinite(rate) || rate === 0) return 0;
  return Math.sign(rate) * Math.min(LARGEST_RATE, Math.max(SMALLEST_RATE, Math.abs(rate)));
}

/** The next speed of a shuttle: from standing or the other direction 1, then twice the last. */
export function shuttled(rate, direction) {
  if (Math.sign(rate) !== direction) return direction;
  return boundedRate(Math.abs(rate) < 1 ? direction : rate * 2);
}

/**
 * Where playback would be if it never came to an end.
 * @param {{seconds: number, atMilliseconds: number, rate: number}} anchor
 */
export function positionAt(anchor, milliseconds) {
  return anchor.seconds + ((milliseconds - anchor.atMilliseconds) / 1000) * anchor.rate;
}

/** `seconds` within a loop that goes round from `stop` to `start`, half-open. */
export function wrapped(seconds, start, stop) {
  const span = stop - start;
  if (!(span > 0)) return start;
  const past = (seconds - start) % span;
  return start + (past < 0 ? past + span : past);
}

/** The time from which frame `index` is played: its beginning, or backwards, just before its end. */
export function entrySeconds(times, index, rate) {
  const start = times.seconds(index);
  if (rate > 0) return start;
  return start + Math.max(0, times.endSeconds(index) - start) * (1 - 1e-6);
}
