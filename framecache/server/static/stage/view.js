/** Which part of the picture is seen: zoom and pan. Pure. Lengths are CSS pixels; centres are parts of the picture, 0 to 1. */

export const FITTED = Object.freeze({ zoom: 1, x: 0.5, y: 0.5 });
const LARGEST_ZOOM = 64;

/**
 * Where the whole picture lies on a stage.
 * @param {{width: number, height: number}} stage
 * @param {{width: number, height: number, aspect: number}} picture pixels, and the width of one to its height
 * @param {{zoom: number, x: number, y: number}} view zoom 1 fits; (x, y) is the picture's point in the stage's middle
 * @returns {{left: number, top: number, width: number, height: number}}
 */
export function pictureRect(stage, picture, view) {
  const width = picture.width * picture.aspect;
  const scale = Math.min(stage.width / width, stage.height / picture.height) * view.zoom || 0;
  const size = { width: width * scale, height: picture.height * scale };
  return { left: stage.width / 2 - view.x * size.width, top: stage.height / 2 - view.y * size.height, ...size };
}

/** The view with the stage filled: no empty border beside a picture that is larger than the stage. */
export function clampedView(stage, picture, view) {
  const zoom = Math.min(LARGEST_ZOOM, Math.max(1, view.zoom));
  if (zoom === 1) return FITTED;
  const rect = pictureRect(stage, picture, { ...view, zoom });
  const clampedCentre = (centre, part) => (part >= 1 ? 0.5 : Math.min(1 - part / 2, Math.max(part / 2, centre)));
  return {
    zoom,
    x: clampedCentre(view.x, stage.width / rect.width),
    y: clampedCentre(view.y, stage.height / rect.height),
  };
}

/** Zoomed by `factor`, with the point of the picture under (x, y) of the stage staying there. */
export function zoomedAbout(stage, picture, view, factor, x, y) {
  const zoom = Math.min(LARGEST_ZOOM, Math.max(1, view.zoom * factor));
  const before = pictureRect(stage, picture, view);
  const grown = zoom / view.zoom;
  const offset = { x: (x - stage.width / 2) / before.width, y: (y - stage.height / 2) / before.height };
  const moved = { zoom, x: view.x + offset.x * (1 - 1 / grown), y: view.y + offset.y * (1 - 1 / grown) };
  return clampedView(stage, picture, moved);
}

/** Moved by CSS pixels. */
export function panned(stage, picture, view, dx, dy) {
  const rect = pictureRect(stage, picture, view);
  return clampedView(stage, picture, { ...view, x: view.x - dx / rect.width, y: view.y - dy / rect.height });
}

/** The zoom at which one pixel of the picture is `pixels` device pixels high. */
export function zoomForPixels(stage, picture, pixels, deviceRatio) {
  const fitted = pictureRect(stage, picture, FITTED).height / picture.height;
  return pixels / deviceRatio / fitted;
}

/** A point of the stage, in pixels of the picture. */
export function toPicture(rect, picture, x, y) {
  return { x: ((x - rect.left) / rect.width) * picture.width, y: ((y - rect.top) / rect.height) * picture.height };
}
