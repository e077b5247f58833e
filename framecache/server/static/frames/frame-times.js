/** When each frame is shown: exact presentation timestamps, from the server's run lengths. Pure, immutable. */

/** @param {string} text a fraction such as "1/15360" @returns {[number, number]} */
export function parseFraction(text) {
  const [above, below = "1"] = String(text).split("/");
  return [Number(above), Number(below)];
}

/** Timestamps of frames 0 to n - 1, from [gap in ticks, how often] pairs. */
function expand(timeline) {
  const pts = new Float64Array(timeline.n_frames);
  if (!pts.length) return pts;
  let at = 0;
  let tick = timeline.first_pts;
  pts[0] = tick;
  for (const [gap, count] of timeline.pts_gaps) {
    for (let turn = 0; turn < count && at + 1 < pts.length; turn++) pts[++at] = tick += gap;
  }
  if (at !== pts.length - 1) throw new Error(`the timeline tells ${at + 1} of ${pts.length} timestamps`);
  return pts;
}

/** How many of the first items of a sorted array are <= value. */
export function countUpTo(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class FrameTimes {
  /** @param {object} timeline what `/timeline` answers */
  constructor(timeline) {
    [this.above, this.below] = parseFraction(timeline.time_base);
    this.pts = expand(timeline);
    this.firstPts = timeline.first_pts;
    this.lastDuration = timeline.last_duration ?? 0;
    this.keyframes = Float64Array.from(timeline.keyframes ?? []);
    this.isWhole = Boolean(timeline.is_whole);
    this.nFrames = this.pts.length;
  }

  /** Seconds into the video at which frame `index` is first shown. */
  seconds(index) {
    return ((this.pts[index] - this.firstPts) * this.above) / this.below;
  }

  /** Seconds at which frame `index` gives way to the next one. */
  endSeconds(index) {
    if (index + 1 < this.nFrames) return this.seconds(index + 1);
    return ((this.pts[index] + this.lastDuration - this.firstPts) * this.above) / this.below;
  }

  /** Seconds from the first frame to the end of the last one. */
  get durationSeconds() {
    return this.nFrames ? this.endSeconds(this.nFrames - 1) : 0;
  }

  /** The frame displayed at `seconds`: the largest index whose time is not after it; clamped to the video. */
  at(seconds) {
    let low = 0;
    let high = this.nFrames;
    // Compared as `seconds` computes it, so that at(seconds(i)) is i, whatever rounding there is.
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seconds(middle) <= seconds) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The nearest keyframe after (`direction` 1) or before (-1) `index`; the video's edge where there is none. */
  keyframeFrom(index, direction) {
    const upTo = countUpTo(this.keyframes, direction > 0 ? index : index - 1);
    if (direction > 0) return upTo < this.keyframes.length ? this.keyframes[upTo] : Math.max(0, this.nFrames - 1);
    return upTo ? this.keyframes[upTo - 1] : 0;
  }

  isKeyframe(index) {
    const upTo = countUpTo(this.keyframes, index);
    return upTo > 0 && this.keyframes[upTo - 1] === index;
  }
}
