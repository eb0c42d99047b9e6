// @ts-check
/*
 * From the pixels of the image to those of the view, and back. A size is {width, height}: of the image in its pixels, of
 * the view in CSS pixels. All views of one image share one camera, so they show the same part.
 */

/** @import { Camera, Point, Size } from "../types.js" */

/** @type {Camera} */
export const HOME = { zoom: 1, x: 0.5, y: 0.5 };
const CLOSEST = 40; // CSS pixels per pixel of the image, at most
export const STEP = 1.25; // zoom factor of a key or a button

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * Where the image lies in a view: CSS pixels per pixel of the image, and its upper left corner in CSS pixels.
 * @param {Size} image
 * @param {Size} view
 * @param {Camera} camera
 */
export function placement(image, view, camera) {
  const scale = fit(image, view) * camera.zoom;
  return {
    scale,
    left: view.width / 2 - camera.x * image.width * scale,
    top: view.height / 2 - camera.y * image.height * scale,
  };
}

/** @param {Size} image @param {Size} view */
const fit = (image, view) => Math.min(view.width / image.width, view.height / image.height);

/**
 * The point of the image under a point of the view.
 * @param {Size} image
 * @param {Size} view
 * @param {Camera} camera
 * @param {Point} point
 * @returns {Point}
 */
export function toImage(image, view, camera, point) {
  const { scale, left, top } = placement(image, view, camera);
  return { x: (point.x - left) / scale, y: (point.y - top) / scale };
}

/**
 * The point of the view over a point of the image.
 * @param {Size} image
 * @param {Size} view
 * @param {Camera} camera
 * @param {Point} point
 * @returns {Point}
 */
export function toView(image, view, camera, point) {
  const { scale, left, top } = placement(image, view, camera);
  return { x: left + point.x * scale, y: top + point.y * scale };
}

/**
 * The camera after zooming by a factor. What lies under the point of the view stays there.
 * @param {Size} image
 * @param {Size} view
 * @param {Camera} camera
 * @param {number} factor
 * @param {Point} [point]
 */
export function zoomed(image, view, camera, factor, point = { x: view.width / 2, y: view.height / 2 }) {
  const zoom = clamp(camera.zoom * factor, 1, Math.max(1, CLOSEST / fit(image, view)));
  const fixed = toImage(image, view, camera, point);
  const scale = fit(image, view) * zoom;
  return bounded(image, view, {
    zoom,
    x: (fixed.x - (point.x - view.width / 2) / scale) / image.width,
    y: (fixed.y - (point.y - view.height / 2) / scale) / image.height,
  });
}

/**
 * The camera after moving the image by dx and dy CSS pixels.
 * @param {Size} image
 * @param {Size} view
 * @param {Camera} camera
 * @param {number} dx
 * @param {number} dy
 */
export function panned(image, view, camera, dx, dy) {
  const { scale } = placement(image, view, camera);
  return bounded(image, view, {
    zoom: camera.zoom,
    x: camera.x - dx / (image.width * scale),
    y: camera.y - dy / (image.height * scale),
  });
}

/** @param {Size} image @param {Size} view @param {Camera} camera */
export const zoomedIn = (image, view, camera) => zoomed(image, view, camera, STEP);

/** @param {Size} image @param {Size} view @param {Camera} camera */
export const zoomedOut = (image, view, camera) => zoomed(image, view, camera, 1 / STEP);

/**
 * The camera within its bounds: an image larger than the view fills it, a smaller one stays in its middle.
 * @param {Size} image
 * @param {Size} view
 * @param {Camera} camera
 * @returns {Camera}
 */
function bounded(image, view, camera) {
  const scale = fit(image, view) * camera.zoom;
  const side = (/** @type {number} */ share, /** @type {number} */ pixels, /** @type {number} */ room) => {
    const half = room / 2 / (pixels * scale);
    return half >= 0.5 ? 0.5 : clamp(share, half, 1 - half);
  };
  return {
    zoom: camera.zoom,
    x: side(camera.x, image.width, view.width),
    y: side(camera.y, image.height, view.height),
  };
}
