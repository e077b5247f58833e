/**
 * One video being looked at: which frame is wanted, which is shown, playing and looping. No elements in here.
 *
 * Events: `shown` (another picture is to be drawn; listeners draw it at once), `wanted`, `play` (rate or loop changed),
 * `timeline` (frames became known), `trouble` (something cannot be had; `trouble` says what, or null again).
 */

import { FrameTimes } from "../frames/frame-times.js";
import { Loader } from "../frames/loader.js";
import { Player } from "./player.js";
import { TimecodeKind } from "./timecode.js";
import { isPassing, ServerProblem } from "../frames/video.js";

const SETTLE_MILLISECONDS = 140;
const LEAST_RETRY_MILLISECONDS = 250;
const MOST_RETRY_MILLISECONDS = 8000;
const LEAST_DRAG_PIXELS = 320;
const NEIGHBOURS_AHEAD = 2;
// What a second look at the same address would not change.
const FINAL_STATUSES = new Set([200, 400, 401, 403, 404, 410]);

export class Session extends EventTarget {
  /** @param {import("../frames/video.js").Video} video */
  constructor(video) {
    super();
    this.video = video;
    this.times = new FrameTimes({ n_frames: 0, time_base: "1/1", first_pts: 0, pts_gaps: [] });
    this.timecode = new TimecodeKind(null);
    /** @type {import("../frames/pictures.js").Picture | null} the picture on the screen */
    this.shown = null;
    /** The index that is asked for; the shown one once it is here. */
    this.wanted = 0;
    this.loop = { first: null, last: null, isOn: false };
    /** @type {Error | null} */
    this.trouble = null;
    /** How wide pictures are asked for, in pixels; Infinity is as wide as they are. */
    this.width = Infinity;
    this.isDragging = false;
    this.direction = 1;
    /** Where to go once it is known which frame that is. @type {((times: FrameTimes) => number | null) | null} */
    this.awaited = null;
    this.shownOrder = 0;
    this.retryMilliseconds = 0;
    /** Whether a request failed and its next turn has not come. */
    this.isWaiting = false;
    this.loader = new Loader(
      video,
      (picture, order) => this.#arrived(picture, order),
      (...failure) => this.#failed(...failure),
    );
    this.player = new Player(
      this.loader,
      (picture) => this.#show(picture),
      (edge) => this.#ended(edge),
    );
  }

  get rate() {
    return this.player.rate;
  }

  get nFrames() {
    return this.times.nFrames;
  }

  /** Whether the frame that is asked for is on the screen. */
  get isSettled() {
    return this.shown !== null && this.shown.index === this.wanted;
  }

  /** Frames became known, or more of them. */
  setTimeline(timeline) {
    this.times = new FrameTimes(timeline);
    this.player.times = this.times;
    this.timecode = new TimecodeKind(this.video.info);
    this.#emit("timeline");
    this.#goToAwaited();
    this.#pump();
  }

  /**
   * Goes to a place as soon as it is known which frame that is; going elsewhere before gives it up.
   * @param {(times: FrameTimes) => number | null} place null while it is not known
   */
  seek(place) {
    this.awaited = place;
    this.#goToAwaited();
  }

  #goToAwaited() {
    const index = this.nFrames ? (this.awaited?.(this.times) ?? null) : null;
    if (index !== null) this.goTo(index);
  }

  /** How wide pictures need to be on this screen, in pixels; Infinity is as wide as they are. */
  setWidth(width) {
    if (width === this.width) return;
    this.width = width;
    this.player.width = width;
    this.#pump();
  }

  /** Goes to a frame, clamped to the video. Playing stops. */
  goTo(index, { isDragging = false } = {}) {
    if (!this.nFrames || !Number.isFinite(index)) return;
    this.awaited = null;
    if (this.player.isPlaying) this.#stopPlaying();
    const target = Math.min(this.nFrames - 1, Math.max(0, Math.round(index)));
    this.direction = Math.sign(target - this.wanted) || this.direction;
    this.isDragging = isDragging;
    const isNew = target !== this.wanted;
    this.wanted = target;
    this.isWaiting = false;
    if (isNew) this.#emit("wanted");
    if (isNew) this.#setTrouble(null);
    this.#pump();
    clearTimeout(this.settleTimer);
    if (isDragging) this.settleTimer = setTimeout(() => this.settle(), SETTLE_MILLISECONDS);
  }

  step(frames) {
    this.goTo(this.wanted + frames);
  }

  /** A drag rests: the exact picture in its full size. */
  settle() {
    clearTimeout(this.settleTimer);
    this.isDragging = false;
    this.#pump();
  }

  /** @param {number} rate times the video's speed; 0 pauses, negative is backwards */
  play(rate) {
    if (!rate || this.nFrames < 2) {
      this.pause();
      return;
    }
    const atEdge = !this.activeLoop && (rate > 0 ? this.wanted === this.nFrames - 1 : this.wanted === 0);
    if (atEdge && !this.player.isPlaying) this.goTo(rate > 0 ? 0 : this.nFrames - 1);
    clearTimeout(this.settleTimer);
    this.isDragging = false;
    this.player.start(this.times, rate, this.wanted, this.activeLoop, this.width);
    this.#emit("play");
  }

  pause() {
    if (!this.player.isPlaying) return;
    this.#stopPlaying();
    this.#pump();
  }

  /** @returns {{first: number, last: number} | null} the range that is gone round, both ends included */
  get activeLoop() {
    const { first, last, isOn } = this.loop;
    if (!isOn || !this.nFrames) return null;
    const ends = [first ?? 0, last ?? this.nFrames - 1].sort((a, b) => a - b);
    return { first: ends[0], last: Math.min(ends[1], this.nFrames - 1) };
  }

  /** @param {Partial<{first: number | null, last: number | null, isOn: boolean}>} change */
  setLoop(change) {
    this.loop = { ...this.loop, ...change };
    const rate = this.rate;
    if (rate) this.play(rate);
    this.#emit("play");
  }

  /** Asks again for what could not be had. */
  retry() {
    this.#setTrouble(null);
    this.#tryAgain();
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.settleTimer);
    clearTimeout(this.retryTimer);
    this.player.stop();
    this.loader.close();
  }

  #stopPlaying() {
    this.player.stop();
    if (this.shown) this.wanted = this.shown.index;
    this.#emit("play");
  }

  #ended(edge) {
    this.wanted = edge;
    this.#emit("play");
    this.#pump();
  }

  get #wantedWidth() {
    if (!this.isDragging) return this.width;
    const most = Number.isFinite(this.width) ? this.width : (this.video.size?.width ?? 1280);
    return Math.max(LEAST_DRAG_PIXELS, Math.round(most / 2));
  }

  /** Shows what is at hand of the wanted frame, and asks for what is not. */
  #pump() {
    if (this.isClosed || !this.nFrames || this.player.isPlaying) return;
    const width = this.#wantedWidth;
    const here = this.loader.pictures.get(this.wanted);
    if (here && here !== this.shown) {
      this.shownOrder = this.loader.sequence;
      this.#show(here);
    }
    if (this.loader.pictures.has(this.wanted, width)) this.#readNeighbours();
    else if (!this.isWaiting) this.loader.want(this.wanted, width);
  }

  #readNeighbours() {
    if (this.isDragging) return;
    for (let step = 1; step <= NEIGHBOURS_AHEAD; step++) {
      const index = this.wanted + step * this.direction;
      if (index >= 0 && index < this.nFrames) this.loader.readAhead(index, this.width);
    }
  }

  #arrived(picture, order) {
    this.retryMilliseconds = 0;
    if (this.player.isPlaying) return;
    // On the way to a far frame, what was wanted later than the shown one is news, under its own number.
    const isNews = !this.isSettled && !picture.isAhead && order > this.shownOrder;
    if (isNews && picture.index !== this.wanted) {
      this.shownOrder = order;
      this.#show(picture);
    }
    this.#pump();
  }

  #show(picture) {
    if (picture === this.shown) return;
    this.loader.pictures.show(picture);
    this.shown = picture;
    if (this.player.isPlaying) this.wanted = picture.index;
    if (this.trouble && picture.index === this.wanted) this.#setTrouble(null);
    this.#emit("shown");
  }

  #failed(error, index, isAhead) {
    // What was read ahead may be wanted by now; else nobody misses it.
    if (isAhead && index !== this.wanted) return;
    if (this.player.isPlaying || index !== this.wanted) {
      this.#pump();
      return;
    }
    if (!isPassing(error)) this.#setTrouble(error);
    this.isWaiting = true;
    if (error instanceof ServerProblem && FINAL_STATUSES.has(error.status)) return;
    this.retryMilliseconds = Math.min(MOST_RETRY_MILLISECONDS, Math.max(LEAST_RETRY_MILLISECONDS, this.retryMilliseconds * 2));
    const wait = Math.max(this.retryMilliseconds, 1000 * (error.retrySeconds ?? 0));
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.#tryAgain(), wait);
  }

  #tryAgain() {
    this.isWaiting = false;
    this.#pump();
  }

  #setTrouble(trouble) {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.#emit("trouble");
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}
