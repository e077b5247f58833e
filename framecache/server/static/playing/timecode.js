/** How times are written and read. Pure. */

const two = (number) => String(number).padStart(2, "0");

/** `seconds` as h:mm:ss.mmm, the milliseconds rounded, as the command line writes them. */
export function formatSeconds(seconds) {
  const milliseconds = Math.round(Math.abs(seconds) * 1000);
  const whole = Math.floor(milliseconds / 1000);
  const sign = seconds < 0 && milliseconds ? "-" : "";
  const clock = `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return `${sign}${clock}.${String(milliseconds % 1000).padStart(3, "0")}`;
}

/** The way a video's timecodes are counted. `frames` a second are counted where the rate is constant. */
export class TimecodeKind {
  /** @param {{fps: number, is_variable_rate: boolean} | null} info null while it is not known yet */
  constructor(info) {
    const isConstant = info !== null && !info.is_variable_rate && info.fps >= 1;
    this.framesPerSecond = isConstant ? Math.round(info.fps) : 0;
    this.fps = info?.fps ?? 0;
  }

  /** What the timecode's fields are, for people. */
  get words() {
    if (!this.framesPerSecond) return "hh:mm:ss.mmm, from the frame's own timestamp";
    const rate = Math.abs(this.fps - this.framesPerSecond) < 1e-3 ? "" : ", non-drop";
    return `hh:mm:ss:ff, ${this.framesPerSecond} frames a second${rate}`;
  }

  /** @param {number} index @param {number} seconds the frame's time */
  format(index, seconds) {
    const rate = this.framesPerSecond;
    if (!rate) return formatSeconds(seconds).padStart(12, "0");
    const whole = Math.floor(index / rate);
    const fields = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return `${fields.map(two).join(":")}:${String(index % rate).padStart(rate > 100 ? 3 : 2, "0")}`;
  }
}

const INDEX = /^[+-]?\d{1,15}$/;
const SECONDS = /^(\d{0,9}(?:\.\d{0,18})?)\s*s?$/;
const CLOCK = /^(?:(\d{1,9}):)?(\d{1,9}):([0-5]?\d)(?:\.(\d{0,18}))?$/;
const TIMECODE = /^(\d{1,9}):([0-5]?\d):([0-5]?\d)[:;](\d{1,3})$/;
// Times are shown in whole milliseconds, so one that was copied may be off by half of one.
const ROUNDING_SECONDS = 0.0005;

/** Seconds as written: 12.5, 12s, 0:12.5, 1:02:03.250; null where it is no time. */
export function parseSeconds(text) {
  const bare = text.trim();
  const clock = CLOCK.exec(bare);
  if (clock && (clock[1] === undefined || Number(clock[2]) < 60)) {
    const [, hours = "0", minutes, seconds, decimals = ""] = clock;
    return Number(hours) * 3600 + Number(minutes) * 60 + Number(`${seconds}.${decimals || 0}`);
  }
  const plain = SECONDS.exec(bare);
  return plain && /\d/.test(plain[1]) ? Number(plain[1]) : null;
}

/**
 * The frame that `text` names: an index (150, -1), seconds (2.5, 5s), a clock (0:02.5) or a timecode (0:00:02:15).
 *
 * @param {string} text
 * @param {import("../frames/frame-times.js").FrameTimes} times
 * @param {TimecodeKind} kind
 * @returns {number} the index; throws a RangeError or SyntaxError whose message is meant for people
 */
export function parsePlace(text, times, kind) {
  const bare = text.trim();
  if (INDEX.test(bare)) return checkedIndex(Number(bare), times.nFrames);
  const timecode = TIMECODE.exec(bare);
  if (timecode) return timecodeIndex(timecode.slice(1).map(Number), times, kind);
  const seconds = parseSeconds(bare);
  if (seconds === null) throw new SyntaxError("Write a frame (150, -1), seconds (2.5, 5s), 0:02.5, or a timecode (0:00:02:15).");
  if (seconds >= times.durationSeconds) {
    throw new RangeError(`The video is shown from 0 up to before ${formatSeconds(times.durationSeconds)}.`);
  }
  return times.at(seconds + Math.min(ROUNDING_SECONDS, roundingOf(bare)));
}

/** Half a unit of the last digit that was written. */
function roundingOf(text) {
  const decimals = /\.(\d*)/.exec(text)?.[1].length ?? 0;
  return 0.5 / 10 ** decimals;
}

function checkedIndex(index, nFrames) {
  const place = index < 0 ? index + nFrames : index;
  if (place >= 0 && place < nFrames) return place;
  throw new RangeError(`Frame ${index} is outside: there are frames 0 to ${nFrames - 1}, or -1 to -${nFrames} from the end.`);
}

function timecodeIndex([hours, minutes, seconds, frames], times, kind) {
  const rate = kind.framesPerSecond;
  if (!rate) throw new SyntaxError("This video's rate is not constant: write the time as 0:00:02.5.");
  if (frames >= rate) throw new RangeError(`There are ${rate} frames in a second, :00 to :${two(rate - 1)}.`);
  return checkedIndex((hours * 3600 + minutes * 60 + seconds) * rate + frames, times.nFrames);
}
