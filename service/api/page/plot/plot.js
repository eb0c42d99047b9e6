// @ts-check
/* A projection that can be moved, rotated and pointed at, by mouse, finger and keys. */

import { clamp, HOME, panned, STEP, zoomed } from "../core/camera.js";
import { atNextFrame, contextOf, h, refill } from "../core/dom.js";
import { iconButton } from "../core/fields.js";
import { listen } from "../core/gestures.js";
import { integer, t } from "../core/text.js";
import { labelOf, picture } from "../session/cases.js";
import { distances, freestCorner, layOut, SQUARE, toRoom } from "./layout.js";
import { createLegend } from "./legend.js";
import { paintMarks, paintPoints } from "./scatter.js";

/** @import { Collection, NearPoint, Projection } from "../api.js" */
/** @import { Announce, Camera, Case, PlotPoint, Point } from "../types.js" */

const REACH = 16; // CSS pixels from a point that still point at it
const STRIDE = 40; // CSS pixels that a key moves the plot
const STEEPEST = 1.5; // radians
const RADIANS = 1 / 120; // per CSS pixel that is dragged
const FRONT = { yaw: 0, pitch: 0 };

/** @type {Record<string, [dx: number, dy: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {{projection: Projection, collection: Collection}} Shown */

/**
 * Draw projections into an element. onOpen hears which case is clicked.
 * @param {HTMLElement} element
 * @param {Announce} announce
 * @param {(one: Case) => void} onOpen
 */
export function createPlot(element, announce, onOpen) {
  const canvas = h("canvas.plot", { role: "img" });
  const bubble = h("div.point", { hidden: true });
  const keys = h("p.plot-keys", { "aria-hidden": "true" }, t("projection.keys"));
  const group = h(
    "div.frame",
    { tabIndex: 0, role: "group", "aria-label": t("projection.keys") },
    canvas,
    keys,
    bubble,
  );
  const layer = h("canvas"); // only the points, so that pointing at one does not repaint thousands
  const legend = createLegend(() => {
    point(null);
    look(camera);
  });
  element.append(group, legend.element);

  /** @type {Shown | null} */
  let shown = null;
  /** @type {number[] | null} coordinates of the image itself */
  let own = null;
  /** @type {number[]} places of the points nearest to it */
  let nearest = [];
  /** @type {PlotPoint[]} those of the projection, then that of the image itself */
  let points = [];
  let camera = HOME;
  let rotation = FRONT;
  /** @type {number | null} the place of the point that is pointed at */
  let pointed = null;
  let stale = true;
  let dragged = 0;

  const room = () => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });

  /** @param {Projection} projection @param {number} place @returns {Case} */
  const caseAt = ({ points: { ids, names, label }, labels }, place) => ({
    id: ids[place],
    name: names[place],
    label: labels[label[place]],
  });

  function lay() {
    const coordinates = shown?.projection.points.coordinates ?? [];
    points = layOut(own ? [...coordinates, own] : coordinates, rotation);
    look(camera);
  }

  /** @param {Camera} next */
  function look(next) {
    camera = next;
    stale = true;
    schedule();
  }

  const schedule = atNextFrame(() => shown && draw(shown.projection));

  /** @param {Projection} projection */
  function draw({ dimensions, points: { label: labels } }) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(room().width * ratio), Math.round(room().height * ratio)];
    if (stale || layer.width !== width || layer.height !== height) {
      Object.assign(layer, { width, height });
      paintPoints(scaled(layer, ratio), room(), ratio, { points, labels, hidden: legend.hidden, camera });
      stale = false;
    }
    Object.assign(canvas, { width, height });
    contextOf(canvas).drawImage(layer, 0, 0);
    const marks = { own: points[labels.length], nearest: nearest.map((place) => points[place]), camera };
    const under = pointed === null ? undefined : points[pointed];
    paintMarks(scaled(canvas, ratio), room(), labels.length, { ...marks, pointed: under });
    canvas.style.touchAction = dimensions === 3 || camera.zoom > 1.01 ? "none" : "pan-y";
    bubble.hidden = pointed === null;
    if (pointed !== null) placeBubble(labels.length);
  }

  /**
   * Put the bubble into the corner where it covers least, and never its own point.
   * @param {number} count of the projection's points
   */
  function placeBubble(count) {
    const weight = (/** @type {number} */ place) => {
      if (place === pointed) return Number.POSITIVE_INFINITY;
      return nearest.includes(place) || place === count ? 1000 : 1;
    };
    const box = { width: bubble.offsetWidth + 16, height: bubble.offsetHeight + 16 };
    const { right, low } = freestCorner(points.map(toRoom(room(), camera)), weight, room(), box);
    bubble.style.inset = [!low, right, low, !right].map((near) => (near ? "0.3rem" : "auto")).join(" ");
  }

  /** @param {number | null} place @param {boolean} [spoken] */
  function point(place, spoken = false) {
    if (place === pointed) return;
    pointed = place;
    schedule();
    if (place === null || !shown) return;
    const one = caseAt(shown.projection, place);
    refill(bubble, picture(one, shown.collection), h("strong", labelOf(one)), h("span", one.name));
    if (spoken) announce(`${labelOf(one)}, ${one.name}`);
  }

  /** @param {Point} spot */
  const distancesFrom = (spot) =>
    distances(points.map(toRoom(room(), camera)), shown?.projection.points.label ?? [], legend.hidden, spot);

  /** @param {Point} spot */
  function placeUnder(spot) {
    /** @type {[number, number | null]} */
    const none = [REACH, null];
    return distancesFrom(spot).reduce((best, one) => (one[0] < best[0] ? one : best), none)[1];
  }

  /**
   * The next or the previous point by distance from the image's own position.
   * @param {number} by
   */
  function step(by) {
    const start = own ? toRoom(room(), camera)(points[points.length - 1]) : { x: 0, y: 0 };
    const order = distancesFrom(start)
      .sort(([one], [other]) => one - other)
      .map(([, place]) => place);
    const at = pointed === null ? -1 : order.indexOf(pointed);
    return order[Math.max(at + by, 0)] ?? pointed;
  }

  /**
   * Zoom about the point that is pointed at, or the image's own, where one of them is in sight.
   * @param {number} factor
   */
  function zoom(factor) {
    const under = pointed === null ? [] : [points[pointed]];
    const spots = [...under, ...(own ? points.slice(-1) : [])].map(toRoom(room(), camera));
    look(zoomed(SQUARE, room(), camera, factor, spots.find(isInSight)));
  }

  /** @param {Point} spot */
  const isInSight = ({ x, y }) => x >= 0 && y >= 0 && x <= room().width && y <= room().height;

  /**
   * Point at a place by key, and bring it into sight.
   * @param {number | null} place
   */
  function goTo(place) {
    point(place, true);
    if (place === null) return;
    const spot = toRoom(room(), camera)(points[place]);
    if (isInSight(spot)) return;
    look(panned(SQUARE, room(), camera, room().width / 2 - spot.x, room().height / 2 - spot.y));
  }

  /** @param {number} dx @param {number} dy */
  function pan(dx, dy) {
    dragged += Math.hypot(dx, dy);
    if (shown?.projection.dimensions !== 3) return look(panned(SQUARE, room(), camera, dx, dy));
    const pitch = clamp(rotation.pitch + dy * RADIANS, -STEEPEST, STEEPEST);
    rotation = { yaw: rotation.yaw + dx * RADIANS, pitch };
    return lay();
  }

  function reset() {
    camera = HOME;
    rotation = FRONT;
    lay();
  }

  function openPointed() {
    if (shown && pointed !== null) onOpen(caseAt(shown.projection, pointed));
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[key];
    if (arrow && shiftKey) goTo(step(arrow[0] + arrow[1]));
    else if (arrow) pan(-STRIDE * arrow[0], -STRIDE * arrow[1]);
    else if (key === "+" || key === "=") zoom(STEP);
    else if (key === "-") zoom(1 / STEP);
    else if (key === "0") reset();
    else if (key === "Enter" && pointed !== null) openPointed();
    else return;
    event.preventDefault();
  }

  listen(canvas, {
    zoom: (factor, spot) => look(zoomed(SQUARE, room(), camera, factor, spot)),
    pan,
    point: (spot) => point(spot && placeUnder(spot)),
    toggle: reset,
  });
  group.addEventListener("keydown", press);
  group.addEventListener("blur", () => point(null));
  canvas.addEventListener("pointerdown", () => {
    dragged = 0;
  });
  canvas.addEventListener("click", () => dragged < 5 && openPointed());
  new ResizeObserver(schedule).observe(canvas);

  /** @param {Projection} projection @param {NearPoint[]} near */
  function name({ points: { ids } }, near) {
    const values = { count: integer(ids.length), labels: near.map(labelOf).join(", ") };
    canvas.setAttribute("aria-label", t(near.length ? "projection.alt.placed" : "projection.alt", values));
  }

  return {
    /**
     * Show a projection of a collection.
     * @param {Projection} projection
     * @param {Collection} collection
     */
    show(projection, collection) {
      shown = { projection, collection };
      own = null;
      nearest = [];
      pointed = null;
      legend.show(projection);
      name(projection, []);
      reset();
    },
    /**
     * Show the position of the image itself, and the points nearest to it.
     * @param {number[]} coordinates
     * @param {NearPoint[]} near
     */
    place(coordinates, near) {
      if (!shown) return;
      const { projection } = shown;
      own = coordinates;
      nearest = near.map(({ id }) => projection.points.ids.indexOf(id));
      legend.show(projection, true);
      name(projection, near);
      lay();
    },
    /** @param {number} id of a case */
    point(id) {
      const place = shown?.projection.points.ids.indexOf(id) ?? -1;
      point(place < 0 ? null : place); // it may have been deleted since
    },
    /** Buttons for the zoom, for a place near the plot. */
    zoom: h(
      "div.zoom",
      { role: "group", "aria-label": t("view.zoom") },
      iconButton("minus", "view.zoom.out", () => zoom(1 / STEP)),
      iconButton("plus", "view.zoom.in", () => zoom(STEP)),
      iconButton("fit", "projection.fit", reset),
    ),
  };
}

/**
 * The context of a canvas, in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} ratio
 */
function scaled(canvas, ratio) {
  const context = contextOf(canvas);
  context.scale(ratio, ratio);
  return context;
}
