/** The page: the chooser at `/` where there are several videos, else the one; `/v/{id}` is a video. Links restore the view. */

import { Chooser } from "./page/chooser.js";
import { h } from "./elements/dom.js";
import "./frame-scrubber.js";
import { BASE, readLink, writeLink } from "./page/links.js";
import { get } from "./frames/video.js";

const LINK_MILLISECONDS = 250;
const main = document.getElementById("main");

async function videos() {
  return (await (await get(new URL("v1/videos", BASE))).json()).videos;
}

/** Shows a video, and keeps the page's address at the frame that is seen. */
function showVideo(id, isOneOfMany) {
  const scrubber = document.createElement("frame-scrubber");
  scrubber.setAttribute("src", new URL(`v1/videos/${encodeURIComponent(id)}`, BASE).href);
  if (isOneOfMany) scrubber.append(h("a", { href: BASE.href, slot: "start", className: "back" }, "All videos"));
  main.className = "one-video";
  main.replaceChildren(scrubber);
  follow(scrubber);
  scrubber.focus();
}

/** The link at which a page was opened is gone to; the address then follows the frame. */
function follow(scrubber) {
  const goThere = () => {
    const { frame, seconds, view } = readLink(location);
    if (frame !== null) scrubber.frame = frame;
    else if (seconds !== null) scrubber.time = seconds;
    if (view) scrubber.view = view;
  };
  let timer = null;
  const write = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (scrubber.frame === null || scrubber.rate || scrubber.frame !== scrubber.wantedFrame) return;
      history.replaceState(null, "", writeLink(location, scrubber.frame, scrubber.view));
    }, LINK_MILLISECONDS);
  };
  goThere();
  let isFirst = true;
  scrubber.addEventListener("framechange", (event) => {
    const { view } = readLink(location);
    // A view has its place once there is a picture.
    if (isFirst && view) scrubber.view = view;
    isFirst = false;
    document.title = `${event.detail.index} · framecache`;
    write();
  });
  scrubber.addEventListener("viewchange", write);
  scrubber.addEventListener("playchange", write);
  addEventListener("hashchange", goThere);
  addEventListener("popstate", goThere);
  addEventListener("keydown", (event) => event.target === document.body && scrubber.handleKey(event));
}

function showMessage(words) {
  main.className = "message";
  main.replaceChildren(h("h1", {}, "framecache"), h("p", { role: "alert" }, words));
}

async function begin() {
  const [, id] = /^v\/([^/]+)\/?$/.exec(location.pathname.slice(BASE.pathname.length)) ?? [];
  const found = await videos();
  if (id !== undefined) showVideo(decodeURIComponent(id), found.length > 1);
  else if (found.length === 1) showVideo(found[0].id, false);
  else if (!found.length) showMessage("There is no video in the folders of this server.");
  else main.replaceChildren(new Chooser(found).element);
}

begin().catch((error) => showMessage(error.message));
