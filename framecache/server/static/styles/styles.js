/** The element's style sheets, as adopted ones, which a Content-Security-Policy without 'unsafe-inline' allows. */

import { CONTROL_STYLES } from "./styles-controls.js";
import { FRAME_STYLES } from "./styles-frame.js";
import { PANEL_STYLES } from "./styles-panel.js";
import { STAGE_STYLES } from "./styles-stage.js";

const DARK = `
  color-scheme: dark;
  --ground: #15181d;
  --raised: #1f242b;
  --stage: #0b0d0f;
  --text: #e8ebf0;
  --text-quiet: #a5aebb;
  --line: #3a424e;
  --field-line: #6d7888;
  --hover: #2a313b;
  --accent: #7fb4ff;
  --on-accent: #0b1322;
  --wanted: #ffc069;
  --track: #2b323c;
  --cached: #4cb8a4;
  --key-tick: #8f9bad;
  --bad: #ff8a7d;
  --loop-on: rgb(127 180 255 / 22%);
  --loop-off: rgb(165 174 187 / 14%);
  --shadow: rgb(0 0 0 / 50%);
`;

const LIGHT = `
  color-scheme: light;
  --ground: #f5f6f8;
  --raised: #ffffff;
  --stage: #d3d7dd;
  --text: #1b1f26;
  --text-quiet: #545d6a;
  --line: #cfd4dc;
  --field-line: #7e8896;
  --hover: #e6e9ee;
  --accent: #1c5fc4;
  --on-accent: #ffffff;
  --wanted: #8a5200;
  --track: #dde1e7;
  --cached: #17877a;
  --key-tick: #66707e;
  --bad: #b3261a;
  --loop-on: rgb(28 95 196 / 18%);
  --loop-off: rgb(84 93 106 / 14%);
  --shadow: rgb(20 25 35 / 25%);
`;

const THEME_STYLES = `
:host { ${DARK} }
@media (prefers-color-scheme: light) { :host { ${LIGHT} } }
:host([theme="dark"]) { ${DARK} }
:host([theme="light"]) { ${LIGHT} }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation-duration: 4s !important; transition: none !important; }
}
`;

function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

export const STYLES = [THEME_STYLES, FRAME_STYLES, STAGE_STYLES, CONTROL_STYLES, PANEL_STYLES].map(sheet);
