/** Making elements. Styles are set by classes, never by style attributes in markup. */

import { ICONS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/** Properties by name; `on...` are listeners, `aria-`, `data-` and `role` attributes, `class` the class. */
function apply(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria") && !(element instanceof SVGElement)) element[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value);
  }
  return element;
}

/** @param {string} tag @param {object} properties @param {...(Node | string | null)} children */
export function h(tag, properties = {}, ...children) {
  const element = apply(document.createElement(tag), properties);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** As `h`, in SVG; every property is an attribute or a listener. */
export function s(tag, properties = {}, ...children) {
  const element = apply(document.createElementNS(SVG, tag), properties);
  element.append(...children);
  return element;
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const path = s("path", { d: ICONS[name] });
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}

/** A button with an icon; its words are its name and, with the key, its tooltip. */
export function iconButton(name, words, key, onclick, properties = {}) {
  const title = key ? `${words} (${key})` : words;
  return h(
    "button",
    { type: "button", className: "icon-button", title, "aria-label": words, onclick, ...properties },
    icon(name),
  );
}

/** Sets an attribute or property only where it changes, so that nothing is announced or laid out again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Has the browser save `blob` as a file. */
export function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const anchor = h("a", { href: address, download: name });
  anchor.click();
  // The browser reads the address after this task.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
