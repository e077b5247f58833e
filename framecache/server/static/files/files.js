/** Files in and out: the frame as an image, annotations as JSON, CSV and COCO. */

import { isEmpty, merged } from "../annotations/annotations.js";
import { ask } from "../controls/dialogs.js";
import { download, h } from "../elements/dom.js";
import { FORMATS, read, within } from "./exchange.js";

/** The video's name without its ending, fit for a file's name. */
function stem(video) {
  return video.name.replace(/\.[^.]+$/, "").replace(/[^\p{L}\p{N}._-]+/gu, "_") || "video";
}

export class Files {
  /**
   * @param {import("../playing/session.js").Session} session
   * @param {import("../annotations/notebook.js").Notebook} notebook
   * @param {ShadowRoot} root where questions are asked
   * @param {(words: string) => void} tell says something in passing
   */
  constructor(session, notebook, root, tell) {
    this.session = session;
    this.notebook = notebook;
    this.root = root;
    this.tell = tell;
    this.input = h("input", {
      type: "file",
      className: "file-input",
      accept: ".json,.csv,application/json,text/csv",
      tabIndex: -1,
    });
    this.input.setAttribute("aria-label", "File of annotations");
    this.input.addEventListener("change", () => this.#chosen());
  }

  /** @returns {import("./rows.js").Subject} */
  get subject() {
    const { video, times, shown } = this.session;
    const size = video.size ?? { width: shown?.fullWidth ?? 0, height: shown?.fullHeight ?? 0 };
    return { name: video.name, fingerprint: video.fingerprint, width: size.width, height: size.height, times };
  }

  /** Saves the frame on the screen as it is in the file, in its full size. */
  async saveFrame() {
    const { shown, video } = this.session;
    if (!shown?.bitmap) return;
    const { index } = shown;
    try {
      const answer = await video.get(`/frames/${index}.png`, { query: { v: video.fingerprint } });
      if (Number(answer.headers.get("Frame-Index") ?? NaN) !== index) throw new Error("the server sent another frame");
      const name = `${stem(video)}_${String(index).padStart(6, "0")}.png`;
      download(await answer.blob(), name);
      this.tell(`Saved ${name}`);
    } catch (error) {
      this.tell(`Frame ${index} was not saved: ${error.message}`);
    }
  }

  /** @param {keyof typeof FORMATS} kind */
  export(kind) {
    const format = FORMATS[kind];
    const text = format.write(this.notebook.annotations, this.subject);
    const name = `${stem(this.session.video)}.annotations.${format.ending}`;
    download(new Blob([text], { type: format.type }), name);
    this.notebook.noteExport();
    this.tell(`Exported ${name}`);
  }

  /** Asks for a file to import. */
  choose() {
    this.input.value = "";
    this.input.click();
  }

  async #chosen() {
    const [file] = this.input.files;
    if (file) await this.import(await file.text(), file.name);
  }

  /** Takes up the annotations of a file; asks where they may belong to another video, or where there are some already. */
  async import(text, name) {
    let found;
    try {
      found = read(text, this.subject);
    } catch (error) {
      await ask(this.root, "Not imported", [`${name}: ${error.message}`], [["Close", null]]);
      return;
    }
    const [annotations, nOutside] = within(found.annotations, this.session.nFrames);
    const doubts = this.#doubts(found, nOutside);
    const isFirst = isEmpty(this.notebook.annotations);
    const how = isFirst && !doubts.length ? "replace" : await this.#askHow(name, annotations, doubts, isFirst);
    if (how === null) return;
    this.notebook.change(how === "add" ? merged(this.notebook.annotations, annotations) : annotations);
    // What was replaced by a whole file of this video is in that file.
    if (how === "replace" && !doubts.length) this.notebook.noteExport();
    this.tell(`Imported ${annotations.items.length} annotations from ${name}`);
  }

  #doubts({ fingerprint, video }, nOutside) {
    const doubts = [];
    if (fingerprint === null) doubts.push("The file does not tell which video it belongs to.");
    else if (fingerprint !== this.session.video.fingerprint) {
      const whose = video ? `another video (${video})` : "another video";
      doubts.push(`The file was made for ${whose}: its fingerprint is not this one's. Frames are taken by number.`);
    }
    if (nOutside) doubts.push(`${nOutside} of its annotations lie past the end of this video, and are left out.`);
    return doubts;
  }

  #askHow(name, annotations, doubts, isFirst) {
    const what = `${name} holds ${annotations.items.length} annotations for this video.`;
    const here = isFirst ? [] : [`There are ${this.notebook.annotations.items.length} here already.`];
    const answers = isFirst ? [["Import", "replace"]] : [["Add to them", "add"]];
    if (!isFirst) answers.push(["Replace them", "replace"]);
    return ask(this.root, doubts.length ? "Import this?" : "Import", [...doubts, what, ...here], [...answers, ["Cancel", null]]);
  }
}
