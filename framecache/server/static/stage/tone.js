/** Brightness, contrast and gamma of what is shown, for dark footage. Pure; the picture's data stay as they are. */

export const PLAIN_TONE = Object.freeze({ brightness: 0, contrast: 1, gamma: 1 });
/** Of each: least, most, step of its control. */
export const TONE_LIMITS = Object.freeze({ brightness: [-0.5, 0.5, 0.01], contrast: [0.2, 4, 0.05], gamma: [0.3, 4, 0.05] });
const TABLE_STEPS = 128;

/** Whether a tone changes nothing. */
export function isPlain(tone) {
  return Object.keys(PLAIN_TONE).every((name) => tone[name] === PLAIN_TONE[name]);
}

/** What becomes of a value, 0 to 1: gamma first, which lifts the dark, then contrast about the middle, then brightness. */
function toned(value, { brightness, contrast, gamma }) {
  return Math.min(1, Math.max(0, (value ** (1 / gamma) - 0.5) * contrast + 0.5 + brightness));
}

/** The `tableValues` of an SVG component transfer. */
export function toneTable(tone) {
  const values = Array.from({ length: TABLE_STEPS + 1 }, (_, step) => toned(step / TABLE_STEPS, tone));
  return values.map((value) => value.toFixed(4)).join(" ");
}
