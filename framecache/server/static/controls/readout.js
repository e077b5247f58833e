/** The number, the time and the timecode of the picture on the screen. */

import { h, setText } from "../elements/dom.js";
import { formatSeconds } from "../playing/timecode.js";

const ANNOUNCE_MILLISECONDS = 350;

export class Readout {
  /** @param {import("../playing/session.js").Session} session @param {() => void} onGoTo opens the dialog that asks where to go */
  constructor(session, onGoTo) {
    this.session = session;
    this.index = h("span", { className: "index" }, "–");
    this.count = h("span", { className: "count" });
    this.wanted = h("span", { className: "wanted", hidden: true });
    this.time = h("span", { className: "time" }, "–");
    this.timecode = h("span", { className: "timecode" }, "–");
    this.timecodeKind = h("span", { className: "caption timecode-kind" }, "timecode");
    this.key = h("span", { className: "badge key-badge absent", title: "Decoding can start at this frame" }, "key");
    const title = "Go to a frame, seconds or timecode (G)";
    const place = h("button", { type: "button", className: "index-button", title, "aria-label": title, onclick: onGoTo });
    place.append(this.index, this.count);
    const part = (caption, ...values) =>
      h("div", { className: "readout-part" }, caption, h("div", { className: "readout-value" }, ...values));
    const words = (text) => h("span", { className: "caption" }, text);
    this.element = h(
      "div",
      { className: "readout" },
      part(words("frame"), place, this.key, this.wanted),
      part(words("time"), this.time),
      part(this.timecodeKind, this.timecode),
    );
    this.live = h("div", { className: "visually-hidden live", "aria-live": "polite" });
  }

  /** Writes what the picture on the screen is. Called in the task in which it is drawn. */
  show(picture) {
    const { times, timecode, nFrames } = this.session;
    const { index } = picture;
    const seconds = index < nFrames ? times.seconds(index) : picture.seconds;
    setText(this.index, String(index));
    setText(this.time, formatSeconds(seconds));
    setText(this.timecode, timecode.format(index, seconds));
    this.key.classList.toggle("absent", !times.isKeyframe(index));
    this.showWanted();
    this.words = `Frame ${index} of ${nFrames}, ${formatSeconds(seconds)}`;
    this.announce();
  }

  /** How many frames there are, and how timecodes are counted. */
  showTimeline() {
    const { times, timecode } = this.session;
    setText(this.count, ` / ${times.nFrames}${times.isWhole ? "" : "+"}`);
    setText(this.timecodeKind, timecode.framesPerSecond ? "timecode h:m:s:frames" : "timecode h:m:s.ms");
    this.timecodeKind.title = this.timecode.title = timecode.words;
    if (this.session.shown) this.show(this.session.shown);
  }

  /** The frame that is asked for and not here yet. */
  showWanted() {
    const { isSettled, wanted, rate } = this.session;
    this.wanted.hidden = isSettled || rate !== 0;
    setText(this.wanted, `→ ${wanted}`);
  }

  /** Tells screen readers where things came to rest, and not each frame on the way. */
  announce() {
    clearTimeout(this.announceTimer);
    if (this.session.rate) return;
    this.announceTimer = setTimeout(() => setText(this.live, this.words ?? ""), ANNOUNCE_MILLISECONDS);
  }
}
