/** What keys and buttons do, by name. */

import { add, boxesOn, carry, change, find, fitted, remove } from "../annotations/annotations.js";
import { shuttled } from "../playing/clock.js";
import { askPlace, showKeys } from "./dialogs.js";
import { FITTED } from "../stage/view.js";

const DIRECTIONS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };

/**
 * @param {import("../app.js").App} app
 * @returns {Record<string, (amount?: any) => void>}
 */
export function makeCommands(app) {
  return { ...moving(app), ...playing(app), ...looking(app), ...annotating(app), ...boxing(app), ...filing(app) };
}

function moving({ session, controls, root }) {
  const bySeconds = (seconds) => {
    const { times, wanted } = session;
    const target = times.at(times.seconds(wanted) + seconds);
    session.goTo(target === wanted ? wanted + Math.sign(seconds) : target);
  };
  return {
    step: (frames) => session.step(frames),
    stepMany: (direction) => session.step(direction * controls.stride),
    keyframe: (direction) => session.goTo(session.times.keyframeFrom(session.wanted, direction)),
    seconds: bySeconds,
    first: () => session.goTo(0),
    last: () => session.goTo(session.nFrames - 1),
    tenth: (tenth) => session.goTo(session.times.at((session.times.durationSeconds * tenth) / 10)),
    goToDialog: () => session.nFrames && askPlace(root, session),
  };
}

function playing({ session, controls }) {
  const toggled = (rate) => (session.rate ? session.pause() : session.play(rate));
  return {
    playPause: () => toggled(controls.speed),
    playReverse: () => (session.rate < 0 ? session.pause() : session.play(-Math.abs(controls.speed))),
    playAt: (rate) => session.play(rate),
    shuttle: (direction) => session.play(shuttled(session.rate, direction)),
    loop: () => session.setLoop({ isOn: !session.loop.isOn }),
    loopIn: () => session.setLoop({ first: session.wanted, isOn: true, ...past(session.loop.last < session.wanted, "last") }),
    loopOut: () => session.setLoop({ last: session.wanted, isOn: true, ...past(session.loop.first > session.wanted, "first") }),
  };
}

/** An end that the other one has passed is given up. */
const past = (isPast, end) => (isPast ? { [end]: null } : {});

function looking(app) {
  const { stage, tonePanel, controls, panel, host, root } = app;
  const togglePanel = () => {
    panel.element.hidden = !panel.element.hidden;
    controls.panelButton.setAttribute("aria-pressed", String(!panel.element.hidden));
  };
  const toggleTone = (isOpen) => {
    const isNowOpen = tonePanel.toggle(isOpen);
    controls.toneButton.setAttribute("aria-expanded", String(isNowOpen));
    if (!isNowOpen) app.focus();
  };
  const toggleFullscreen = () => {
    const isHere = root.fullscreenElement || document.fullscreenElement === host;
    const done = isHere ? document.exitFullscreen() : host.requestFullscreen?.();
    done?.catch(() => app.tell("The browser allows no full screen here."));
  };
  return {
    zoom: () => stage.cycleZoom(),
    zoomBy: (factor) => stage.zoomAbout(factor),
    tone: () => toggleTone(),
    closeTone: () => toggleTone(false),
    fullscreen: toggleFullscreen,
    panel: togglePanel,
    help: () => showKeys(root),
  };
}

function annotating(app) {
  const { session, notebook, panel } = app;
  const put = (item) => {
    const id = notebook.annotations.nextId;
    notebook.change(add(notebook.annotations, item));
    notebook.select(id);
  };
  return {
    mark: () => {
      const frame = session.shown?.index;
      if (frame === undefined) return;
      const label = panel.labels.current;
      const same = notebook.annotations.items.find(
        (item) => item.kind === "mark" && item.frame === frame && item.label === label,
      );
      if (same) notebook.change(remove(notebook.annotations, same.id));
      else put({ kind: "mark", label, frame });
    },
    range: () => {
      const frame = session.shown?.index;
      if (frame === undefined) return;
      const open = find(notebook.annotations, app.openRangeId);
      app.openRangeId = null;
      if (open) {
        const [first, last] = [app.openRangeFrame, frame].sort((a, b) => a - b);
        notebook.change(change(notebook.annotations, open.id, { first, last }));
        app.tell(`Range ${first} – ${last}`);
        return;
      }
      [app.openRangeId, app.openRangeFrame] = [notebook.annotations.nextId, frame];
      put({ kind: "range", label: panel.labels.current, first: frame, last: frame });
      app.tell(`Range from ${frame}: Shift M again where it ends`);
    },
    remove: () => notebook.selected && notebook.change(remove(notebook.annotations, notebook.selectedId)),
    removeItem: (id) => notebook.change(remove(notebook.annotations, id)),
    undo: () => notebook.undo(),
    redo: () => notebook.redo(),
    escape: () => escape(app),
  };
}

/** Lets go of one thing at a time. */
function escape(app) {
  const { boxTool, notebook, stage, tonePanel, commands } = app;
  if (boxTool.drag) boxTool.drop();
  else if (!tonePanel.element.hidden) commands.closeTone();
  else if (boxTool.isDrawing) commands.boxTool();
  else if (notebook.selectedId !== null) notebook.select(null);
  else if (stage.view.zoom > 1) stage.setView(FITTED);
}

function boxing(app) {
  const { session, stage, notebook, boxTool, controls, panel } = app;
  const toggle = () => {
    boxTool.setDrawing(!boxTool.isDrawing);
    controls.boxButton.setAttribute("aria-pressed", String(boxTool.isDrawing));
  };
  const reshape = (makeSides) => {
    const { selected } = notebook;
    if (selected?.kind === "box")
      notebook.change(change(notebook.annotations, selected.id, fitted(makeSides(selected), stage.pixels)));
  };
  const addBox = () => {
    const { picture, pixels } = stage;
    if (!picture?.bitmap) return;
    const sides = { x: pixels.width * 0.375, y: pixels.height * 0.375, w: pixels.width / 4, h: pixels.height / 4 };
    const id = notebook.annotations.nextId;
    notebook.change(
      add(notebook.annotations, { kind: "box", label: panel.labels.current, frame: picture.index, ...fitted(sides, pixels) }),
    );
    notebook.select(id);
  };
  const carryOn = () => {
    const frame = session.shown?.index;
    // Not before the last one that was carried to is seen: else pressing fast would carry what nobody chose.
    if (frame === undefined || frame + 1 >= session.nFrames || !session.isSettled) return;
    const { selected } = notebook;
    const boxes = selected?.kind === "box" && selected.frame === frame ? [selected] : boxesOn(notebook.annotations, frame);
    if (!boxes.length) {
      app.tell("There is no box on this frame to carry on.");
      return;
    }
    const before = notebook.annotations;
    notebook.change(carry(before, boxes, frame + 1));
    session.goTo(frame + 1);
    notebook.select(boxes.length === 1 && notebook.annotations !== before ? before.nextId : null);
  };
  return {
    boxTool: toggle,
    addBox,
    carry: carryOn,
    nudge: (towards) => reshape((box) => ({ ...box, x: box.x + DIRECTIONS[towards][0], y: box.y + DIRECTIONS[towards][1] })),
    resize: (towards) => reshape((box) => ({ ...box, w: box.w + DIRECTIONS[towards][0], h: box.h + DIRECTIONS[towards][1] })),
  };
}

function filing({ files }) {
  return {
    saveFrame: () => files.saveFrame(),
    export: (kind) => files.export(kind),
    exportJson: () => files.export("json"),
    import: () => files.choose(),
  };
}
