/** Plays: by the frames' own times, forwards and backwards. Late frames are left out; the clock does not slow down. */

import { boundedRate, entrySeconds, positionAt, wrapped } from "./clock.js";

const CONCURRENT = 4;
const LEAST_INTERVAL_SECONDS = 1 / 60;
const AHEAD_SECONDS = 0.75;
const AHEAD_FRAMES = 24;
const LEAST_AHEAD_FRAMES = 2;
// Past a frame's edge by so much, so that rounding never finds the same frame again.
const BEYOND_SECONDS = 1e-6;

/** @typedef {{position: number, index: number}} Due a frame, and the clock's position from which it is shown */

export class Player {
  /**
   * @param {import("../frames/loader.js").Loader} loader
   * @param {(picture: import("../frames/pictures.js").Picture) => void} show
   * @param {(index: number) => void} onEnd called with the edge of the video where playback came to it
   */
  constructor(loader, show, onEnd) {
    this.loader = loader;
    this.show = show;
    this.onEnd = onEnd;
    this.rate = 0;
    this.frameRequest = 0;
    /** @type {Due[]} in the order of playing: what was asked for and not shown yet */
    this.queue = [];
  }

  get isPlaying() {
    return this.rate !== 0;
  }

  /**
   * @param {import("../frames/frame-times.js").FrameTimes} times may be replaced in `this.times` while a video grows
   * @param {number} rate times the video's own speed; negative is backwards
   * @param {number} index where to begin
   * @param {{first: number, last: number} | null} loop goes round from `last`'s end to `first`
   * @param {number} width of the pictures to ask for, in pixels; Infinity is their own
   */
  start(times, rate, index, loop, width) {
    this.stop();
    this.rate = boundedRate(rate);
    if (!this.rate) return;
    this.times = times;
    this.width = width;
    this.span = loop && { start: times.seconds(loop.first), stop: times.endSeconds(loop.last) };
    const isOutside = loop && (index < loop.first || index > loop.last);
    const from = isOutside ? (rate > 0 ? loop.first : loop.last) : index;
    const seconds = entrySeconds(times, from, this.rate);
    this.anchor = { seconds, atMilliseconds: performance.now(), rate: this.rate };
    this.lastAsked = { position: seconds, index: from };
    if (isOutside) this.#ask(this.lastAsked);
    this.frameRequest = requestAnimationFrame((now) => this.#tick(now));
  }

  stop() {
    this.rate = 0;
    cancelAnimationFrame(this.frameRequest);
    this.queue = [];
    this.loader.dropAhead();
  }

  #tick(now) {
    this.frameRequest = requestAnimationFrame((later) => this.#tick(later));
    const position = positionAt(this.anchor, now);
    this.#showDue(position);
    if (this.#isPastEdge(position)) {
      const edge = this.rate > 0 ? this.times.nFrames - 1 : 0;
      this.stop();
      this.onEnd(edge);
      return;
    }
    this.#fill(position);
  }

  /** Whether `a` comes after `b` in the direction of playing. */
  #isAfter(a, b) {
    return (a - b) * this.rate > 0;
  }

  #isPastEdge(position) {
    if (this.span) return false;
    return this.rate > 0 ? position >= this.times.durationSeconds : position < 0;
  }

  /** Shows the newest frame that is due and here; those before it are late, and left out. */
  #showDue(position) {
    for (let place = this.queue.length - 1; place >= 0; place--) {
      if (this.#isAfter(this.queue[place].position, position)) continue;
      const picture = this.loader.pictures.get(this.queue[place].index);
      if (!picture) continue;
      this.queue.splice(0, place + 1);
      const waiting = new Set(this.queue.map((entry) => entry.index));
      this.loader.dropAhead((index) => waiting.has(index));
      this.show(picture);
      return;
    }
  }

  /** Asks for what comes next, as much as may be under way. */
  #fill(position) {
    const horizon = Math.max(AHEAD_SECONDS, this.loader.latencySeconds * 2) * this.rate;
    // Of large pictures fewer: what is read ahead must still be there when it is due.
    const most = Math.min(AHEAD_FRAMES, Math.max(LEAST_AHEAD_FRAMES, this.loader.pictures.room));
    while (this.queue.length < most && this.loader.ahead.size < CONCURRENT) {
      if (this.queue.length > 1 && this.#isAfter(this.lastAsked.position, position + horizon)) return;
      const next = this.#next(position);
      if (!next) return;
      this.#ask(next);
    }
  }

  #ask(due) {
    this.lastAsked = due;
    this.queue.push(due);
    this.loader.readAhead(due.index, this.width);
  }

  /** The frame to ask for after the last: the very next one, or a later one where not all can be had in time. */
  #next(position) {
    const apart = this.lastAsked.position + this.rate * LEAST_INTERVAL_SECONDS;
    const near = this.#dueAt(this.#further(this.#leaving(this.lastAsked), apart));
    if (!near || this.loader.pictures.has(near.index)) return near;
    const interval = this.loader.latencySeconds / CONCURRENT;
    const lead = position + this.rate * Math.min(1, this.loader.latencySeconds);
    const inTime = this.#further(this.lastAsked.position + this.rate * interval, lead);
    return this.#dueAt(this.#further(near.position, inTime));
  }

  #further(a, b) {
    return this.#isAfter(a, b) ? a : b;
  }

  /** The position at which a frame gives way to the next one played. */
  #leaving({ position, index }) {
    const edge = this.rate > 0 ? this.times.endSeconds(index) : this.times.seconds(index);
    return position + (edge - this.#inside(position)) + Math.sign(this.rate) * BEYOND_SECONDS;
  }

  #inside(position) {
    return this.span ? wrapped(position, this.span.start, this.span.stop) : position;
  }

  /** The frame to show from a position on; null beyond the video's edges. */
  #dueAt(position) {
    return this.#isPastEdge(position) ? null : { position, index: this.times.at(this.#inside(position)) };
  }
}
