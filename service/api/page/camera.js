/*
 * From the image's pixels to the view's and back. A camera is {zoom, x, y}: zoom 1 fits the image into the view; x and y
 * are the share of the image that lies in the middle. A size is {width, height}: of the image in its pixels, of the view
 * in CSS pixels. All views of one image share one camera, so they show the same place.
 */

export const HOME = { zoom: 1, x: 0.5, y: 0.5 };
const CLOSEST = 40; // CSS pixels a pixel of the image may get
export const STEP = 1.25; // that a key or a button zooms

/** Where the image lies in a view: {scale, left, top}, CSS pixels. */
export function placed(image, view, camera) {
  const scale = fitting(image, view) * camera.zoom;
  return {
    scale,
    left: view.width / 2 - camera.x * image.width * scale,
    top: view.height / 2 - camera.y * image.height * scale,
  };
}

const fitting = (image, view) => Math.min(view.width / image.width, view.height / image.height);

/** The place of the image, in its pixels, under a point of the view. */
export function toImage(image, view, camera, point) {
  const { scale, left, top } = placed(image, view, camera);
  return { x: (point.x - left) / scale, y: (point.y - top) / scale };
}

/** The point of the view over a place of the image. */
export function toView(image, view, camera, place) {
  const { scale, left, top } = placed(image, view, camera);
  return { x: left + place.x * scale, y: top + place.y * scale };
}

/** A camera `factor` times as near; what lies under the point of the view stays there. */
export function zoomed(image, view, camera, factor, point = { x: view.width / 2, y: view.height / 2 }) {
  const most = Math.max(1, CLOSEST / fitting(image, view));
  const zoom = Math.min(Math.max(camera.zoom * factor, 1), most);
  const fixed = toImage(image, view, camera, point);
  const scale = fitting(image, view) * zoom;
  return held(image, view, {
    zoom,
    x: (fixed.x - (point.x - view.width / 2) / scale) / image.width,
    y: (fixed.y - (point.y - view.height / 2) / scale) / image.height,
  });
}

/** A camera from which the image appears moved by dx, dy CSS pixels. */
export function panned(image, view, camera, dx, dy) {
  const { scale } = placed(image, view, camera);
  return held(image, view, {
    zoom: camera.zoom,
    x: camera.x - dx / (image.width * scale),
    y: camera.y - dy / (image.height * scale),
  });
}

export const nearer = (image, view, camera) => zoomed(image, view, camera, STEP);
export const farther = (image, view, camera) => zoomed(image, view, camera, 1 / STEP);

/** The camera held so that an image larger than the view fills it, and a smaller one stays in its middle. */
function held(image, view, camera) {
  const scale = fitting(image, view) * camera.zoom;
  const side = (share, pixels, room) => {
    const half = room / 2 / (pixels * scale);
    return half >= 0.5 ? 0.5 : Math.min(Math.max(share, half), 1 - half);
  };
  return { zoom: camera.zoom, x: side(camera.x, image.width, view.width), y: side(camera.y, image.height, view.height) };
}
