/** COCO object detection: an image for each frame with boxes. Marks and ranges, which COCO has not, lie beside. Pure. */

import { inOrder } from "../annotations/annotations.js";
import { assembled, byId, itemOf, placeOf, rowOf } from "./rows.js";

/** As `framecache extract` names its files. */
const fileName = (frame) => `frame_${String(frame).padStart(6, "0")}.png`;

/** COCO's ids begin at 1. */
const imageId = (frame) => frame + 1;

/** @param {import("../annotations/annotations.js").Annotations} annotations @param {import("./rows.js").Subject} subject */
export function writeCoco(annotations, subject) {
  const boxes = byId(annotations.items.filter((item) => item.kind === "box"));
  const categoryIds = new Map(annotations.labels.map(({ name }, place) => [name, place + 1]));
  const frames = [...new Set(inOrder(boxes).map((box) => box.frame))];
  const place = (frame) => {
    const { index, ...rest } = placeOf(frame, subject);
    return { frame_index: index, ...rest };
  };
  const data = {
    info: { description: `Boxes on frames of ${subject.name}`, video: subject.name, fingerprint: subject.fingerprint },
    images: frames.map((frame) => ({
      id: imageId(frame),
      file_name: fileName(frame),
      width: subject.width,
      height: subject.height,
      ...place(frame),
    })),
    annotations: boxes.map((box) => ({
      id: box.id,
      image_id: imageId(box.frame),
      category_id: categoryIds.get(box.label),
      bbox: [box.x, box.y, box.w, box.h],
      area: Math.round(box.w * box.h * 1e4) / 1e4,
      iscrowd: 0,
      ...place(box.frame),
    })),
    categories: annotations.labels.map(({ name, color }) => ({ id: categoryIds.get(name), name, supercategory: "", color })),
    framecache: byId(annotations.items.filter((item) => item.kind !== "box")).map((item) => rowOf(item, subject)),
  };
  return `${JSON.stringify(data, null, 2)}\n`;
}

/** The frame of a COCO image: what it says itself, or the last number in its file's name. */
function frameOfImage(image) {
  if (Number.isInteger(image.frame_index)) return image.frame_index;
  const digits = /(\d+)\D*$/.exec(String(image.file_name).replace(/\.\w+$/, ""));
  if (!digits) throw new SyntaxError(`The image ${JSON.stringify(image.file_name)} does not tell its frame.`);
  return Number(digits[1]);
}

/** A bbox in the video's pixels; images of another size are taken to be the frame, scaled. */
function boxOf(bbox, image, subject) {
  const [x, y, w, h] = bbox;
  const across = image.width && subject.width ? subject.width / image.width : 1;
  const down = image.height && subject.height ? subject.height / image.height : 1;
  return { x: x * across, y: y * down, w: w * across, h: h * down };
}

/** @returns {import("./rows.js").Import} */
export function readCoco(data, subject) {
  const images = new Map(data.images.map((image) => [image.id, image]));
  const categories = data.categories ?? [];
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const boxes = data.annotations.map(({ id, image_id, category_id, bbox }, place) => {
    const image = images.get(image_id);
    if (!image || !Array.isArray(bbox)) throw new SyntaxError(`Annotation ${place + 1}: its image or its bbox is missing.`);
    return { id, kind: "box", label: names.get(category_id), frame: frameOfImage(image), ...boxOf(bbox, image, subject) };
  });
  const others = Array.isArray(data.framecache) ? data.framecache.map(itemOf) : [];
  const annotations = assembled(categories, [...boxes, ...others], (place) => `Annotation ${place + 1}`);
  const fingerprint = data.info?.fingerprint ?? data.images.find((image) => image.fingerprint)?.fingerprint ?? null;
  return { annotations, fingerprint, video: data.info?.video ?? null };
}
