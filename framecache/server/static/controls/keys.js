/** Which key does what. Pure: the same table answers key presses and fills the list of keys. */

/**
 * @typedef {object} Binding
 * @property {string[]} keys as in `event.key`, letters small; "shift+", "ctrl+" before it where they matter
 * @property {string} command a name in commands.js
 * @property {number} [amount] what the command is given
 * @property {string} [shown] how the key is written in the list; without it the binding is not listed on its own
 * @property {string} [words] what it does, for people
 */

/** @type {[string, Binding[]][]} */
export const KEY_GROUPS = [
  [
    "Move",
    [
      { keys: ["arrowleft", ","], command: "step", amount: -1, shown: "← ,", words: "one frame back" },
      { keys: ["arrowright", "."], command: "step", amount: 1, shown: "→ .", words: "one frame on" },
      {
        keys: ["shift+arrowleft", "shift+,", "<"],
        command: "stepMany",
        amount: -1,
        shown: "Shift ←",
        words: "several frames back",
      },
      {
        keys: ["shift+arrowright", "shift+.", ">"],
        command: "stepMany",
        amount: 1,
        shown: "Shift →",
        words: "several frames on",
      },
      { keys: ["ctrl+arrowleft", "ctrl+,"], command: "keyframe", amount: -1, shown: "Ctrl ←", words: "keyframe before" },
      { keys: ["ctrl+arrowright", "ctrl+."], command: "keyframe", amount: 1, shown: "Ctrl →", words: "keyframe after" },
      { keys: ["pagedown"], command: "seconds", amount: 1 },
      { keys: ["pageup"], command: "seconds", amount: -1, shown: "PgUp PgDn", words: "a second back, on" },
      { keys: ["home"], command: "first", shown: "Home", words: "first frame" },
      { keys: ["end"], command: "last", shown: "End", words: "last frame" },
      ...Array.from({ length: 10 }, (_, tenth) => ({ keys: [String(tenth)], command: "tenth", amount: tenth })),
      { keys: [], command: "tenth", shown: "0 – 9", words: "so many tenths into the video" },
      { keys: ["g"], command: "goToDialog", shown: "G", words: "go to a frame, seconds or timecode" },
    ],
  ],
  [
    "Play",
    [
      { keys: [" ", "k"], command: "playPause", shown: "Space K", words: "play, pause" },
      { keys: ["l"], command: "shuttle", amount: 1, shown: "L", words: "play; again: twice as fast" },
      { keys: ["j"], command: "shuttle", amount: -1, shown: "J", words: "play backwards; again: twice as fast" },
      { keys: ["i"], command: "loopIn", shown: "I", words: "loop begins here" },
      { keys: ["o"], command: "loopOut", shown: "O", words: "loop ends here" },
      { keys: ["/"], command: "loop", shown: "/", words: "loop on, off" },
    ],
  ],
  [
    "Look",
    [
      { keys: ["z"], command: "zoom", shown: "Z", words: "fit, pixel for pixel, twice" },
      { keys: ["+", "="], command: "zoomBy", amount: 1.5, shown: "+ −", words: "zoom in, out (also wheel, pinch)" },
      { keys: ["-", "_"], command: "zoomBy", amount: 1 / 1.5 },
      { keys: ["a"], command: "tone", shown: "A", words: "adjust brightness, contrast, gamma" },
      { keys: ["f"], command: "fullscreen", shown: "F", words: "full screen" },
      { keys: ["s"], command: "saveFrame", shown: "S", words: "save the frame as PNG" },
      { keys: ["p"], command: "panel", shown: "P", words: "annotations shown, hidden" },
      { keys: ["?", "h"], command: "help", shown: "?", words: "this list" },
    ],
  ],
  [
    "Annotate",
    [
      { keys: ["m"], command: "mark", shown: "M", words: "mark this frame; again: remove the mark" },
      { keys: ["shift+m"], command: "range", shown: "Shift M", words: "a range begins here; again: it ends here" },
      { keys: ["b"], command: "boxTool", shown: "B", words: "draw boxes: drag on the picture" },
      { keys: ["shift+b"], command: "addBox", shown: "Shift B", words: "a box in the middle, without a mouse" },
      { keys: ["n"], command: "carry", shown: "N", words: "carry the boxes to the next frame" },
      { keys: ["alt+arrowleft"], command: "nudge", amount: "left", shown: "Alt ←→↑↓", words: "move the selected box" },
      { keys: ["alt+arrowright"], command: "nudge", amount: "right" },
      { keys: ["alt+arrowup"], command: "nudge", amount: "up" },
      { keys: ["alt+arrowdown"], command: "nudge", amount: "down" },
      { keys: ["alt+shift+arrowleft"], command: "resize", amount: "left", shown: "Alt Shift ←→↑↓", words: "resize it" },
      { keys: ["alt+shift+arrowright"], command: "resize", amount: "right" },
      { keys: ["alt+shift+arrowup"], command: "resize", amount: "up" },
      { keys: ["alt+shift+arrowdown"], command: "resize", amount: "down" },
      { keys: ["delete", "backspace"], command: "remove", shown: "Del", words: "delete what is selected" },
      { keys: ["escape"], command: "escape", shown: "Esc", words: "let go: selection, tool, zoom" },
      { keys: ["ctrl+z"], command: "undo", shown: "Ctrl Z", words: "undo" },
      { keys: ["ctrl+y", "ctrl+shift+z"], command: "redo", shown: "Ctrl Y", words: "redo" },
      { keys: ["ctrl+s"], command: "exportJson", shown: "Ctrl S", words: "export as JSON" },
    ],
  ],
];

/** Keys that choose a label, in the order of the labels: the left hand's, while the right one draws. */
export const LABEL_KEYS = ["q", "w", "e", "r", "t", "d", "x", "c", "v"];

const BY_KEY = new Map(
  KEY_GROUPS.flatMap(([, bindings]) => bindings.flatMap((binding) => binding.keys.map((key) => [key, binding]))),
);

/** A key press as the table writes it. Where Shift makes another sign (`?`, `+`), the sign alone says it. */
export function keyName(event) {
  const key = event.key.toLowerCase();
  const isLetterOrName = key.length > 1 || /[a-z,.]/.test(key);
  const parts = [
    event.ctrlKey || event.metaKey ? "ctrl+" : "",
    event.altKey ? "alt+" : "",
    event.shiftKey && isLetterOrName ? "shift+" : "",
  ];
  return parts.join("") + key;
}

/** @returns {Binding | null} */
export function bindingFor(event) {
  return BY_KEY.get(keyName(event)) ?? null;
}
