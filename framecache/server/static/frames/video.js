/** A video on a frame server: its state, its timeline, and the addresses of its pictures. */

import { parseFraction } from "./frame-times.js";

const POLL_MILLISECONDS = 300;

/** An answer that is no success. `status` 0 is a server that cannot be reached. */
export class ServerProblem extends Error {
  /** @param {number} status @param {string} detail @param {object} members @param {number} retrySeconds */
  constructor(status, detail, members = {}, retrySeconds = 0) {
    super(detail);
    this.name = "ServerProblem";
    this.status = status;
    this.members = members;
    this.retrySeconds = retrySeconds;
  }
}

async function problemOf(response) {
  let members = {};
  try {
    members = await response.json();
  } catch {
    // Whatever stands between may answer in its own words.
  }
  const detail = members.detail || `the server answered ${response.status} ${response.statusText}`.trim();
  return new ServerProblem(response.status, detail, members, Number(response.headers.get("Retry-After")) || 0);
}

/** A GET whose failures are ServerProblems; an abort stays an AbortError. */
export async function get(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerProblem(0, "The server cannot be reached.");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

export class Video {
  /**
   * @param {string} source the address of the video's resource, `.../v1/videos/{id}`
   * @param {string | null} token for servers that want one and have set no cookie
   */
  constructor(source, token = null) {
    const url = new URL(source, document.baseURI);
    this.base = url.origin + url.pathname.replace(/\/$/, "");
    // What a signed address carries goes along with every request.
    this.extra = url.search;
    this.headers = token ? { Authorization: `Bearer ${token}` } : {};
    this.isElsewhere = url.origin !== location.origin;
    /** What the resource said last. */
    this.state = null;
  }

  get fingerprint() {
    return this.state?.fingerprint ?? null;
  }

  get info() {
    return this.state?.info ?? null;
  }

  get name() {
    return this.state?.name?.split("/").pop() ?? "";
  }

  /** Pixels of the displayed picture, and the width of one to its height; null while they are not known. */
  get size() {
    const said = this.state?.width ? this.state : this.info;
    if (!said?.width) return null;
    const [above, below] = parseFraction(said.pixel_aspect ?? "1/1");
    return { width: said.width, height: said.height, aspect: above > 0 && below > 0 ? above / below : 1 };
  }

  /** @param {string} path below the resource @param {Record<string, string | number | null>} query */
  url(path = "", query = {}) {
    const url = new URL(this.base + path + this.extra);
    for (const [name, value] of Object.entries(query)) if (value !== null) url.searchParams.set(name, String(value));
    return url.href;
  }

  /** The address of a frame's picture; `width` 0 is its own. */
  frameUrl(index, format, width = 0) {
    return this.url(`/frames/${index}.${format}`, { w: width || null, v: this.fingerprint });
  }

  /** A request of this video's: `get` with the token. */
  get(path, { query = {}, signal, headers = {} } = {}) {
    return get(this.url(path, query), { signal, headers: { ...this.headers, ...headers }, credentials: this.credentials });
  }

  get credentials() {
    return this.isElsewhere ? "omit" : "same-origin";
  }

  /** Asks for the state once; keeps it. */
  async refresh(signal) {
    this.state = await (await this.get("", { signal })).json();
    return this.state;
  }

  /** The timeline as the server knows it now. */
  async timeline(signal) {
    return (await this.get("/timeline", { signal })).json();
  }

  /** Half-open ranges of frames at hand on the server. @returns {Promise<[number, number][]>} */
  async cached(signal) {
    return (await (await this.get("/cached", { signal })).json()).cached;
  }

  /**
   * Asks again and again until everything is known of the video.
   * @param {(state: object) => void | Promise<void>} onState called with each answer
   * @param {AbortSignal} signal
   */
  async follow(onState, signal) {
    for (;;) {
      const state = await this.#refreshPatiently(signal);
      await onState(state);
      if (state.state === "ready" || state.state === "failed" || signal.aborted) return;
      await pause(POLL_MILLISECONDS, signal);
    }
  }

  async #refreshPatiently(signal) {
    for (;;) {
      try {
        return await this.refresh(signal);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await pause(1000 * (error.retrySeconds || 1), signal);
      }
    }
  }
}

/** Whether the same request may well be answered a moment later. A request that was overtaken (409) may be wanted again. */
export function isPassing(error) {
  return error instanceof ServerProblem && [409, 429, 503].includes(error.status);
}

/** Waits; ends early, with an AbortError, where `signal` is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("no longer wanted", "AbortError"));
    });
  });
}
