// @ts-check
/* One view, image and heatmap, painted on a canvas: the page's own, or that of a saved picture. */

import { placement } from "../core/camera.js";
import { wholePercent } from "../core/text.js";
import { heatmapCanvas } from "./heatmap.js";

/** @import { Box, Heatmap, ScoredBox } from "../api.js" */
/** @import { Painting, Size } from "../types.js" */

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {ReturnType<typeof placement>} Placement */
/** @typedef {[left: number, top: number, width: number, height: number]} Rectangle */

const BACKGROUND = "#06080a";
const UNSEEN = "rgba(6, 8, 10, 0.55)";
const LINE = "#f2f5f7";

/**
 * Paint a view. room: its size in CSS pixels; ratio: device pixels for each.
 * @param {Context} context
 * @param {Size} room
 * @param {number} ratio
 * @param {Painting} painting
 */
export function paint(context, room, ratio, painting) {
  const { image, map, view, camera } = painting;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = BACKGROUND;
  context.fillRect(0, 0, room.width, room.height);
  const place = placement(image, room, camera);
  paintImage(context, place, painting, ratio);
  if (!map || view.mode === "image") return;
  context.save();
  const divider = view.mode === "swipe" ? room.width * view.swipe : 0;
  context.beginPath();
  context.rect(divider, 0, room.width - divider, room.height);
  context.clip();
  paintHeatmap(context, place, map, painting);
  context.restore();
  if (view.mode === "swipe") paintDivider(context, divider, room.height);
}

/** @param {Context} context @param {Placement} place @param {Painting} painting @param {number} ratio */
function paintImage(context, { scale, left, top }, { image, bitmap }, ratio) {
  if (!bitmap) return;
  const ofSmall = bitmap.small.width / image.width;
  const source = scale * ratio <= ofSmall * 1.05 ? bitmap.small : bitmap.full;
  context.imageSmoothingEnabled = scale * ratio < 3; // closer than that, pixels are shown as squares
  context.imageSmoothingQuality = "high";
  context.drawImage(source, left, top, image.width * scale, image.height * scale);
}

/** @param {Context} context @param {Placement} place @param {Heatmap} map @param {Painting} painting */
function paintHeatmap(context, place, map, { image, maximum, view }) {
  const region = inView(map.region, place);
  const seen = inView(withinImage(map.region, image), place);
  const opaque = view.mode === "heatmap";
  if (opaque) {
    context.fillStyle = BACKGROUND;
    context.fillRect(place.left - 1, place.top - 1, image.width * place.scale + 2, image.height * place.scale + 2);
  } else {
    dimOutside(context, seen, image, place);
  }
  const canvas = heatmapCanvas(map, { colormap: view.colormap, smooth: view.smooth, maximum, opaque });
  context.save();
  context.beginPath(); // neither padding around the image nor smoothing at the region's edge is painted
  context.rect(...seen);
  context.clip();
  context.globalAlpha = opaque ? 1 : view.opacity;
  context.imageSmoothingEnabled = view.smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, ...region);
  context.restore();
  if (!coversImage(map.region, image)) outline(context, seen, [5, 4]);
  if (view.boxes) paintBoxes(context, map.boxes ?? [], place);
}

/** @param {Box} box @param {Placement} place @returns {Rectangle} */
const inView = ([left, top, right, bottom], place) => [
  place.left + left * place.scale,
  place.top + top * place.scale,
  (right - left) * place.scale,
  (bottom - top) * place.scale,
];

/**
 * The part of a region that lies in the image: a padded input reaches outside it.
 * @param {Box} region
 * @param {Size} image
 * @returns {Box}
 */
export function withinImage([left, top, right, bottom], { width, height }) {
  return [Math.max(left, 0), Math.max(top, 0), Math.min(right, width), Math.min(bottom, height)];
}

/**
 * Whether the model saw the whole image.
 * @param {Box} region
 * @param {Size} image
 */
export function coversImage([left, top, right, bottom], { width, height }) {
  return left < 0.5 && top < 0.5 && right > width - 0.5 && bottom > height - 0.5;
}

/**
 * Dim what the model has not seen.
 * @param {Context} context
 * @param {Rectangle} region
 * @param {Size} image
 * @param {Placement} place
 */
function dimOutside(context, region, image, place) {
  context.fillStyle = UNSEEN;
  context.beginPath();
  context.rect(place.left, place.top, image.width * place.scale, image.height * place.scale);
  context.rect(...region);
  context.fill("evenodd");
}

/**
 * A frame that is visible on light and on dark.
 * @param {Context} context
 * @param {Rectangle} frame
 * @param {number[]} dashes
 */
function outline(context, frame, dashes) {
  context.strokeStyle = "rgba(0, 0, 0, 0.7)";
  context.lineWidth = 3;
  context.strokeRect(...frame);
  context.strokeStyle = LINE;
  context.lineWidth = 1.25;
  context.setLineDash(dashes);
  context.strokeRect(...frame);
  context.setLineDash([]);
}

/** @param {Context} context @param {ScoredBox[]} boxes @param {Placement} place */
function paintBoxes(context, boxes, place) {
  context.font = "600 11px system-ui, sans-serif";
  context.textBaseline = "top";
  for (const { box, score } of boxes) {
    const frame = inView(box, place);
    outline(context, frame, []);
    const text = wholePercent(score);
    const width = context.measureText(text).width + 8;
    if (width > frame[2] || frame[3] < 18) continue;
    context.fillStyle = "rgba(0, 0, 0, 0.72)";
    context.fillRect(frame[0], frame[1], width, 16);
    context.fillStyle = LINE;
    context.fillText(text, frame[0] + 4, frame[1] + 2);
  }
}

/** @param {Context} context @param {number} x @param {number} height */
function paintDivider(context, x, height) {
  context.fillStyle = "rgba(0, 0, 0, 0.6)";
  context.fillRect(x - 2, 0, 4, height);
  context.fillStyle = LINE;
  context.fillRect(x - 0.75, 0, 1.5, height);
  context.beginPath();
  context.arc(x, height / 2, 11, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = BACKGROUND;
  context.beginPath();
  for (const side of [-1, 1]) {
    context.moveTo(x + side * 7, height / 2);
    context.lineTo(x + side * 2.5, height / 2 - 4);
    context.lineTo(x + side * 2.5, height / 2 + 4);
  }
  context.fill();
}
