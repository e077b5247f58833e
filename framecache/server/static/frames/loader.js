/** Gets frames from the server, the newest wanted one first; what is overtaken is aborted. */

import { Pictures } from "./pictures.js";
import { ServerProblem } from "./video.js";

// Two lanes: while the newest is asked for in one, the other ends what it began, so that a fast drag still shows frames.
const LANES = ["a", "b"];
const BUDGET_BYTES = 256 * 1024 * 1024;
const SMOOTHING = 0.3;

let nextClient = 0;

function clientName() {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return `page-${random[0].toString(36)}${random[1].toString(36)}-${nextClient++}`;
}

/** @typedef {import("./pictures.js").Picture} Picture */

export class Loader {
  /**
   * @param {import("./video.js").Video} video
   * @param {(picture: Picture, order: number) => void} onPicture called with every picture that comes, also those read
   *   ahead; of two, the one with the larger order was asked for later
   * @param {(error: Error, index: number, isAhead: boolean) => void} onFailure called where one cannot be had
   */
  constructor(video, onPicture, onFailure, budgetBytes = BUDGET_BYTES) {
    this.video = video;
    this.pictures = new Pictures(budgetBytes);
    this.onPicture = onPicture;
    this.onFailure = onFailure;
    this.client = clientName();
    this.sequence = 0;
    this.format = "jpg";
    /** How long an answer takes, in seconds, smoothed. */
    this.latencySeconds = 0.1;
    /** @type {(Job | null)[]} one a lane */
    this.wanted = LANES.map(() => null);
    /** @type {Set<Job>} */
    this.ahead = new Set();
  }

  /** Asks for a frame at least `width` pixels wide (Infinity: as wide as it is), before all else. */
  want(index, width) {
    if (this.isComing(index, width)) return;
    let lane = this.wanted.indexOf(null);
    if (lane < 0) {
      lane = this.wanted[0].order > this.wanted[1].order ? 0 : 1;
      this.wanted[lane].abort.abort();
    }
    const job = new Job(index, width, ++this.sequence, LANES[lane]);
    this.wanted[lane] = job;
    this.#run(job, () => {
      if (this.wanted[lane] === job) this.wanted[lane] = null;
    });
  }

  /** Asks for a frame beside those that are wanted. */
  readAhead(index, width) {
    if (this.pictures.has(index, width) || this.isComing(index, width)) return;
    const job = new Job(index, width, this.sequence, null);
    this.ahead.add(job);
    this.#run(job, () => this.ahead.delete(job));
  }

  /** Whether a request for it is under way. */
  isComing(index, width = 0) {
    return [...this.wanted, ...this.ahead].some((job) => job && job.index === index && job.width >= width);
  }

  /** Drops what is read ahead, but for what `isStillWanted` says of an index. */
  dropAhead(isStillWanted = () => false) {
    for (const job of [...this.ahead]) {
      if (isStillWanted(job.index)) continue;
      job.abort.abort();
      // At once, and not when its end is noticed: until then it would pass for coming.
      this.ahead.delete(job);
    }
  }

  close() {
    for (const job of [...this.wanted, ...this.ahead]) job?.abort.abort();
    this.onPicture = this.onFailure = () => {};
    this.pictures.clear();
  }

  async #run(job, onEnd) {
    let picture = null;
    let failure = null;
    try {
      picture = await this.#fetch(job);
    } catch (error) {
      if (error.name !== "AbortError") failure = error;
    }
    onEnd();
    if (picture) this.onPicture(this.pictures.put(picture), job.order);
    else if (failure) this.onFailure(failure, job.index, job.lane === null);
  }

  async #fetch(job) {
    const began = performance.now();
    const overtaking = { "Client-Id": this.client, "Client-Sequence": String(job.order), "Client-Lane": job.lane };
    let response;
    try {
      response = await this.video.get(`/frames/${job.index}.${this.format}`, {
        query: { w: Number.isFinite(job.width) ? job.width : null, v: this.video.fingerprint },
        signal: job.abort.signal,
        headers: job.lane ? overtaking : {},
      });
    } catch (error) {
      if (error.status === 422) return this.#undecodable(job, error);
      throw error;
    }
    const picture = await this.#decode(job, response);
    this.latencySeconds += SMOOTHING * ((performance.now() - began) / 1000 - this.latencySeconds);
    return picture;
  }

  /** The answer as one record; refused where its number is not the one that was asked for. */
  async #decode(job, response) {
    const header = (name) => response.headers.get(name);
    const index = Number(header("Frame-Index") ?? NaN);
    if (index !== job.index) {
      const said = header("Frame-Index") === null ? "no number" : `frame ${index}`;
      throw new ServerProblem(200, `Frame ${job.index} was asked for, and the server sent ${said}.`);
    }
    const bitmap = await createImageBitmap(await response.blob());
    if (job.abort.signal.aborted) {
      bitmap.close();
      throw new DOMException("no longer wanted", "AbortError");
    }
    const size = { ...(this.video.size ?? { width: bitmap.width, height: bitmap.height }) };
    size.width = Number(header("Frame-Width")) || size.width;
    size.height = Number(header("Frame-Height")) || size.height;
    return {
      index,
      seconds: Number(header("Frame-Time")),
      pts: header("Frame-Pts") === null || header("Frame-Pts") === "" ? null : Number(header("Frame-Pts")),
      isKeyframe: header("Frame-Keyframe") === "true",
      bitmap,
      fullWidth: size.width,
      fullHeight: size.height,
      failure: null,
      width: bitmap.width >= size.width ? Infinity : job.width,
      isAhead: job.lane === null,
    };
  }

  /** A frame that has a number and a time, and no picture: that is what is shown then. */
  #undecodable(job, error) {
    const size = this.video.size ?? { width: 0, height: 0 };
    return {
      index: job.index,
      seconds: NaN,
      pts: error.members.pts ?? null,
      isKeyframe: false,
      bitmap: null,
      fullWidth: size.width,
      fullHeight: size.height,
      failure: error.message,
      width: Infinity,
      isAhead: job.lane === null,
    };
  }
}

class Job {
  constructor(index, width, order, lane) {
    this.index = index;
    this.width = width;
    this.order = order;
    this.lane = lane;
    this.abort = new AbortController();
  }
}
