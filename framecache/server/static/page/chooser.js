/** The list of videos to choose from. */

import { h } from "../elements/dom.js";
import { BASE } from "./links.js";

const THUMBNAIL_WIDTH = 320;
const FIRST_ROWS = 200;

function sizeOf(bytes) {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

export class Chooser {
  /** @param {{id: string, name: string, size_bytes: number, state: string}[]} videos */
  constructor(videos) {
    this.videos = [...videos].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    this.field = h("input", {
      type: "search",
      placeholder: "Filter by name",
      "aria-label": "Filter by name",
      oninput: () => this.#show(),
    });
    this.list = h("ul", { className: "videos" });
    this.count = h("p", { className: "count", role: "status" });
    const head = h("header", { className: "chooser-head" }, h("h1", {}, "Videos"), this.field, this.count);
    this.element = h("div", { className: "chooser" }, head, this.list);
    /** Places whose cards were seen, for pictures one after the other: each opens a video on the server. */
    this.waiting = [];
    this.isLoading = false;
    this.observer = new IntersectionObserver((entries) => this.#seen(entries.filter((entry) => entry.isIntersecting)));
    this.#show();
  }

  #show() {
    const words = this.field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.videos.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
    this.observer.disconnect();
    this.waiting = [];
    this.list.replaceChildren(...found.slice(0, FIRST_ROWS).map((video) => this.#card(video)));
    const more = found.length > FIRST_ROWS ? `, the first ${FIRST_ROWS} are shown: filter by name` : "";
    this.count.textContent = `${found.length} of ${this.videos.length}${more}`;
  }

  #card({ id, name, size_bytes: bytes, state }) {
    const [file, ...folders] = name.split("/").reverse();
    const picture = h("span", { className: "thumbnail", "aria-hidden": "true" });
    const address = `v1/videos/${encodeURIComponent(id)}/frames/0.jpg?w=${THUMBNAIL_WIDTH}`;
    picture.dataset.address = new URL(address, BASE).href;
    const words = [h("strong", {}, file), h("span", { className: "folder" }, folders.reverse().join("/"))];
    const facts = h("span", { className: "facts" }, state === "failed" ? `${sizeOf(bytes)} · cannot be opened` : sizeOf(bytes));
    if (state !== "failed") this.observer.observe(picture);
    return h(
      "li",
      {},
      h(
        "a",
        { href: new URL(`v/${encodeURIComponent(id)}`, BASE).href, className: "card" },
        picture,
        h("span", { className: "words" }, ...words, facts),
      ),
    );
  }

  #seen(entries) {
    for (const { target } of entries) this.observer.unobserve(target);
    this.waiting.push(...entries.map((entry) => entry.target));
    this.#next();
  }

  #next() {
    const place = this.isLoading ? undefined : this.waiting.shift();
    if (!place) return;
    this.isLoading = true;
    const image = h("img", { alt: "", src: place.dataset.address });
    const done = (isThere) => {
      this.isLoading = false;
      if (isThere) place.append(image);
      this.#next();
    };
    image.addEventListener("load", () => done(true));
    image.addEventListener("error", () => done(false));
  }
}
