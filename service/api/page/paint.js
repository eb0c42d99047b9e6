/* One view of an image and its map, on any canvas: the page's own, or the one that is saved. */

import { placed } from "./camera.js";
import { heatCanvas } from "./heat.js";
import { roughly } from "./words.js";

const GROUND = "#06080a";
const UNSEEN = "rgba(6, 8, 10, 0.55)";
const LINE = "#f2f5f7";

/**
 * Paint a scene. room: {width, height} in CSS pixels; ratio: device pixels for each.
 * scene: image {width, height}, picture (images.js) or null, map (of the answer) or null, maximum of its colour scale,
 * view and camera (store.js).
 */
export function paint(context, room, ratio, scene) {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = GROUND;
  context.fillRect(0, 0, room.width, room.height);
  const place = placed(scene.image, room, scene.camera);
  if (scene.picture) paintPicture(context, place, scene, ratio);
  if (!scene.map || scene.view.mode === "image") return;
  context.save();
  const divider = scene.view.mode === "swipe" ? room.width * scene.view.swipe : 0;
  context.beginPath();
  context.rect(divider, 0, room.width - divider, room.height);
  context.clip();
  paintMap(context, place, scene);
  context.restore();
  if (scene.view.mode === "swipe") paintDivider(context, divider, room.height);
}

function paintPicture(context, { scale, left, top }, { image, picture }, ratio) {
  const ofSmall = picture.small.width / image.width;
  const source = scale * ratio <= ofSmall * 1.05 ? picture.small : picture.full;
  context.imageSmoothingEnabled = scale * ratio < 3; // closer than that, pixels are shown as they are
  context.imageSmoothingQuality = "high";
  context.drawImage(source, left, top, image.width * scale, image.height * scale);
}

function paintMap(context, place, { image, map, maximum, view }) {
  const region = inView(map.region, place);
  const opaque = view.mode === "map";
  if (opaque) {
    context.fillStyle = GROUND;
    context.fillRect(place.left - 1, place.top - 1, image.width * place.scale + 2, image.height * place.scale + 2);
  } else {
    veil(context, region, image, place);
  }
  const heat = heatCanvas(map, { colormap: view.colormap, smooth: view.smooth, maximum, opaque });
  context.save();
  context.beginPath(); // smoothing must not bleed over the region's edge
  context.rect(...region);
  context.clip();
  context.globalAlpha = opaque ? 1 : view.opacity;
  context.imageSmoothingEnabled = view.smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(heat, ...region);
  context.restore();
  if (!coversAll(map.region, image)) outline(context, region, [5, 4]);
  if (view.boxes) paintBoxes(context, map.boxes ?? [], place);
}

const inView = ([left, top, right, bottom], place) => [
  place.left + left * place.scale,
  place.top + top * place.scale,
  (right - left) * place.scale,
  (bottom - top) * place.scale,
];

export function coversAll([left, top, right, bottom], { width, height }) {
  return left < 0.5 && top < 0.5 && right > width - 0.5 && bottom > height - 0.5;
}

/** Dim what the model has not seen. */
function veil(context, [left, top, width, height], image, place) {
  context.fillStyle = UNSEEN;
  context.beginPath();
  context.rect(place.left, place.top, image.width * place.scale, image.height * place.scale);
  context.rect(left, top, width, height);
  context.fill("evenodd");
}

/** A frame that is seen on light and dark ground alike. */
function outline(context, [left, top, width, height], dashes) {
  for (const [colour, thickness, pattern] of [["rgba(0, 0, 0, 0.7)", 3, []], [LINE, 1.25, dashes]]) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.setLineDash(pattern);
    context.strokeRect(left, top, width, height);
  }
  context.setLineDash([]);
}

function paintBoxes(context, boxes, place) {
  context.font = "600 11px system-ui, sans-serif";
  context.textBaseline = "top";
  for (const { box, score } of boxes) {
    const frame = inView(box, place);
    outline(context, frame, []);
    const text = roughly(score);
    const width = context.measureText(text).width + 8;
    if (width > frame[2] || frame[3] < 18) continue;
    context.fillStyle = "rgba(0, 0, 0, 0.72)";
    context.fillRect(frame[0], frame[1], width, 16);
    context.fillStyle = LINE;
    context.fillText(text, frame[0] + 4, frame[1] + 2);
  }
}

function paintDivider(context, x, height) {
  context.fillStyle = "rgba(0, 0, 0, 0.6)";
  context.fillRect(x - 2, 0, 4, height);
  context.fillStyle = LINE;
  context.fillRect(x - 0.75, 0, 1.5, height);
  context.beginPath();
  context.arc(x, height / 2, 11, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = GROUND;
  context.beginPath();
  for (const side of [-1, 1]) {
    context.moveTo(x + side * 7, height / 2);
    context.lineTo(x + side * 2.5, height / 2 - 4);
    context.lineTo(x + side * 2.5, height / 2 + 4);
  }
  context.fill();
}
