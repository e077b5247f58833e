/** Boxes under a pointer: what it hits, and what dragging does to them. Pure, in pixels of the picture. */

/** The handles: which edges of the box each moves, from -1 (left, top) to 1. */
export const HANDLES = [
  ["nw", -1, -1],
  ["n", 0, -1],
  ["ne", 1, -1],
  ["e", 1, 0],
  ["se", 1, 1],
  ["s", 0, 1],
  ["sw", -1, 1],
  ["w", -1, 0],
];

/** The box between two points. */
export function between(a, b) {
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.abs(a.x - b.x), h: Math.abs(a.y - b.y) };
}

export const centreOf = (box, across, down) => ({ x: box.x + (box.w * (across + 1)) / 2, y: box.y + (box.h * (down + 1)) / 2 });

/** The handle of a box under a point, or null; `reach` is how far from it, in pixels of the picture. */
export function handleAt(box, point, reach) {
  const near = HANDLES.map(([name, across, down]) => {
    const centre = centreOf(box, across, down);
    return { name, distance: Math.max(Math.abs(point.x - centre.x) / reach.x, Math.abs(point.y - centre.y) / reach.y) };
  }).filter(({ distance }) => distance <= 1);
  near.sort((a, b) => a.distance - b.distance);
  return near[0]?.name ?? null;
}

/** The smallest of the boxes that a point lies in, or null. */
export function boxAt(boxes, point) {
  const hit = boxes.filter(({ x, y, w, h }) => point.x >= x && point.x <= x + w && point.y >= y && point.y <= y + h);
  return hit.sort((a, b) => a.w * a.h - b.w * b.h)[0] ?? null;
}

export const moved = (box, dx, dy) => ({ x: box.x + dx, y: box.y + dy, w: box.w, h: box.h });

/** A box with a handle dragged by (dx, dy), within the picture; edges may pass each other. */
export function resized(box, handle, dx, dy, picture) {
  const [, across, down] = HANDLES.find(([name]) => name === handle);
  const clampX = (x) => Math.min(picture.width, Math.max(0, x));
  const clampY = (y) => Math.min(picture.height, Math.max(0, y));
  const from = { x: box.x, y: box.y };
  const to = { x: box.x + box.w, y: box.y + box.h };
  if (across < 0) from.x = clampX(from.x + dx);
  if (across > 0) to.x = clampX(to.x + dx);
  if (down < 0) from.y = clampY(from.y + dy);
  if (down > 0) to.y = clampY(to.y + dy);
  return between(from, to);
}
