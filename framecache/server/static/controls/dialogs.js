/** Dialogs: the list of keys, going somewhere, and questions. */

import { h } from "../elements/dom.js";
import { KEY_GROUPS, LABEL_KEYS } from "./keys.js";
import { formatSeconds, parsePlace } from "../playing/timecode.js";

/** A modal dialog with a heading and a way out; it is taken away when it closes. */
function open(root, heading, content, className = "") {
  const close = h("button", { type: "button", className: "text-button", onclick: () => dialog.close() }, "Close");
  const title = h("h2", { id: "dialog-title" }, heading);
  const dialog = h("dialog", { className: `dialog ${className}`, "aria-labelledby": "dialog-title" });
  dialog.append(h("div", { className: "dialog-head" }, title, close), content);
  dialog.addEventListener("close", () => dialog.remove());
  // A click beside it closes it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {ShadowRoot} root */
export function showKeys(root) {
  const groups = KEY_GROUPS.map(([name, bindings]) => {
    const listed = bindings.filter((binding) => binding.shown);
    const rows = listed.map(({ shown, words }) =>
      h("div", { className: "key-row" }, h("dt", {}, ...shown.split(" ").map(asKey)), h("dd", {}, words)),
    );
    if (name === "Annotate")
      rows.push(
        h(
          "div",
          { className: "key-row" },
          h("dt", {}, ...LABEL_KEYS.map((key) => asKey(key.toUpperCase()))),
          h("dd", {}, "choose a label"),
        ),
      );
    return h("section", {}, h("h3", {}, name), h("dl", {}, ...rows));
  });
  const columns = h("div", { className: "key-columns" }, ...groups);
  const scrolled = h("div", { className: "key-groups", tabIndex: 0, role: "group", "aria-label": "All keys" }, columns);
  return open(root, "Keys", scrolled, "keys-dialog");
}

const asKey = (text) => (text === "–" ? h("span", {}, " – ") : h("kbd", {}, text));

/**
 * Asks where to go; says at once what the words would mean.
 * @param {ShadowRoot} root @param {import("../playing/session.js").Session} session
 */
export function askPlace(root, session) {
  const hint = h("p", { id: "place-hint", className: "hint" });
  hint.setAttribute("aria-live", "polite");
  const field = h("input", {
    type: "text",
    className: "place",
    autocomplete: "off",
    spellcheck: false,
    "aria-describedby": "place-hint",
  });
  const target = () => parsePlace(field.value, session.times, session.timecode);
  const explain = () => {
    field.removeAttribute("aria-invalid");
    if (!field.value.trim()) {
      hint.textContent = "A frame (150, -1), seconds (2.5, 5s), 0:02.5, or a timecode (0:00:02:15).";
      return;
    }
    try {
      const index = target();
      const seconds = session.times.seconds(index);
      hint.textContent = `Frame ${index}, ${formatSeconds(seconds)}, ${session.timecode.format(index, seconds)}`;
    } catch (error) {
      hint.textContent = error.message;
      field.setAttribute("aria-invalid", "true");
    }
  };
  const go = (event) => {
    event.preventDefault();
    try {
      session.goTo(target());
    } catch {
      explain();
      return;
    }
    dialog.close();
  };
  field.addEventListener("input", explain);
  const label = h(
    "label",
    { className: "place-label" },
    h("span", { className: "caption" }, "Frame, seconds or timecode"),
    field,
  );
  const form = h("form", { onsubmit: go }, label, hint, h("button", { type: "submit", className: "primary" }, "Go"));
  const dialog = open(root, "Go to", form, "place-dialog");
  explain();
  field.focus();
  return dialog;
}

/**
 * Asks a question with a few answers.
 * @template T
 * @param {ShadowRoot} root @param {string} heading @param {string[]} paragraphs
 * @param {[string, T][]} answers the first is the one that is suggested
 * @returns {Promise<T | null>} null where the dialog is closed without an answer
 */
export function ask(root, heading, paragraphs, answers) {
  return new Promise((resolve) => {
    const buttons = answers.map(([words, value], place) =>
      h("button", { type: "button", className: place ? "text-button" : "primary", onclick: () => finish(value) }, words),
    );
    const content = h("div", {}, ...paragraphs.map((text) => h("p", {}, text)), h("div", { className: "answers" }, ...buttons));
    const dialog = open(root, heading, content, "question");
    const finish = (value) => {
      resolve(value);
      dialog.close();
    };
    dialog.addEventListener("close", () => resolve(null));
    buttons[0].focus();
  });
}
