/** Undo and redo over any immutable document. Pure. */

const MOST_STEPS = 500;

/** @template T @typedef {{past: T[], present: T, future: T[]}} History */

export const begin = (present) => ({ past: [], present, future: [] });

/** The next document; what was undone is forgotten. The same document is no step. */
export function changed(history, present) {
  if (present === history.present) return history;
  return { past: [...history.past, history.present].slice(-MOST_STEPS), present, future: [] };
}

/** As `changed`, without a step of its own: for a drag that goes on. */
export const replaced = (history, present) => ({ ...history, present });

export function undone(history) {
  const present = history.past.at(-1);
  if (present === undefined) return history;
  return { past: history.past.slice(0, -1), present, future: [history.present, ...history.future] };
}

export function redone(history) {
  const [present, ...future] = history.future;
  if (present === undefined) return history;
  return { past: [...history.past, history.present], present, future };
}
