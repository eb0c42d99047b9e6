/* A map that can be moved, turned and pointed at, by mouse, finger and keys. */

import { HOME, STEP, panned, zoomed } from "./camera.js";
import { labelOf, portrait } from "./case.js";
import { h, icon, refill } from "./dom.js";
import { listen } from "./gestures.js";
import { createLegend } from "./legend.js";
import { cloud, laid, marks, onto, SQUARE } from "./scatter.js";
import { integer, t } from "./words.js";

const REACH = 16; // CSS pixels from a point that still point at it
const STRIDE = 40; // CSS pixels a key moves the map
const STEEPEST = 1.5; // radians
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CORNERS = [[true, false], [false, false], [true, true], [false, true]]; // [right, low], the best first

/**
 * Draw maps into an element. open(point) hears which point is taken.
 * Returns {show(map, collection), place(coordinates, nearest), point(id), zoom}; zoom: buttons for it, to stand nearby.
 */
export function createPlot(element, say, open) {
  const canvas = h("canvas.plot", { role: "img" });
  const bubble = h("div.point", { hidden: true });
  const keys = h("p.plot-keys", { "aria-hidden": "true" }, t("atlas.keys"));
  const group = h("div.frame", { tabIndex: 0, role: "group", "aria-label": t("atlas.keys") }, canvas, keys, bubble);
  const layer = h("canvas"); // what only changes with the view, so that pointing repaints no thousands of points
  const legend = createLegend(() => {
    point(null);
    look(camera);
  });
  element.append(group, legend.element);
  let [map, collection, own, nearest] = [null, null, null, []];
  let [points, camera, turn, at] = [[], HOME, { yaw: 0, pitch: 0 }, null];
  let [due, stale, dragged] = [0, true, 0];

  const room = () => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });
  const solid = () => map.dimensions === 3;
  const pointOf = (place) => ({
    id: map.points.ids[place],
    name: map.points.names[place],
    label: map.labels[map.points.label[place]],
  });

  function lay() {
    points = laid(own ? [...map.points.coordinates, own] : map.points.coordinates, turn);
    look(camera);
  }

  function look(next) {
    camera = next;
    stale = true;
    plan();
  }

  /** Paint at the next frame; several calls before it are one. */
  function plan() {
    due ||= requestAnimationFrame(() => {
      due = 0;
      if (map) draw();
    });
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(room().width * ratio), Math.round(room().height * ratio)];
    const { label } = map.points;
    if (stale || layer.width !== width || layer.height !== height) {
      Object.assign(layer, { width, height });
      cloud(scaled(layer, ratio), room(), ratio, { points, label, off: legend.off, camera });
      stale = false;
    }
    Object.assign(canvas, { width, height });
    canvas.getContext("2d").drawImage(layer, 0, 0);
    const marked = { own: points[label.length], nearest: nearest.map((place) => points[place]), pointed: points[at], camera };
    marks(scaled(canvas, ratio), room(), label.length, marked);
    canvas.style.touchAction = solid() || camera.zoom > 1.01 ? "none" : "pan-y";
    bubble.hidden = at === null;
    if (at !== null) hold();
  }

  /** Keep the bubble in the corner where it covers least, and never its own point. */
  function hold() {
    const { width, height } = room();
    const [wide, high] = [bubble.offsetWidth + 16, bubble.offsetHeight + 16];
    const worth = (place) => (place === at ? Infinity : nearest.includes(place) || place === map.points.ids.length ? 1000 : 1);
    const covered = CORNERS.map(() => 0);
    const view = onto(room(), camera);
    points.forEach((one, place) => {
      const { x, y } = view(one);
      CORNERS.forEach(([right, low], corner) => {
        if ((right ? width - x : x) < wide && (low ? height - y : y) < high) covered[corner] += worth(place);
      });
    });
    const [right, low] = CORNERS[covered.indexOf(Math.min(...covered))];
    bubble.style.inset = [!low, right, low, !right].map((near) => (near ? "0.3rem" : "auto")).join(" ");
  }

  function point(place, aloud = false) {
    if (place === at) return;
    at = place;
    plan();
    if (place === null) return;
    const one = pointOf(place);
    refill(bubble, portrait(one, collection), h("strong", labelOf(one)), h("span", one.name));
    if (aloud) say(`${labelOf(one)}, ${one.name}`);
  }

  /** [distance, place] of all points that are shown, from a spot of the view. */
  function around(spot) {
    const found = [];
    const view = onto(room(), camera);
    map.points.label.forEach((kind, place) => {
      const { x, y } = view(points[place]);
      if (!legend.off.has(kind)) found.push([Math.hypot(x - spot.x, y - spot.y), place]);
    });
    return found;
  }

  function under(spot) {
    const [far, place] = around(spot).reduce((best, one) => (one[0] < best[0] ? one : best), [REACH, null]);
    return far < REACH ? place : null;
  }

  /** The next or the previous point, from the image's own place outwards: by and by, all of them. */
  function step(by) {
    const start = own ? onto(room(), camera)(points.at(-1)) : { x: 0, y: 0 };
    const order = around(start)
      .sort(([one], [other]) => one - other)
      .map(([, place]) => place);
    return order[Math.max(order.indexOf(at) + by, 0)] ?? at;
  }

  /** Zoom about the point that is pointed at or the image's own, where one of them is in sight. */
  function zoom(factor) {
    const spots = [points[at], own && points.at(-1)].filter(Boolean).map(onto(room(), camera));
    look(zoomed(SQUARE, room(), camera, factor, spots.find(inSight)));
  }

  const inSight = ({ x, y }) => x >= 0 && y >= 0 && x <= room().width && y <= room().height;

  /** Point at a place by key, and bring it into sight. */
  function goTo(place) {
    point(place, true);
    if (place === null) return;
    const spot = onto(room(), camera)(points[place]);
    if (!inSight(spot)) look(panned(SQUARE, room(), camera, room().width / 2 - spot.x, room().height / 2 - spot.y));
  }

  function pan(dx, dy) {
    dragged += Math.hypot(dx, dy);
    if (!solid()) return look(panned(SQUARE, room(), camera, dx, dy));
    const pitch = Math.min(Math.max(turn.pitch + dy / 120, -STEEPEST), STEEPEST);
    turn = { yaw: turn.yaw + dx / 120, pitch };
    return lay();
  }

  function home() {
    [camera, turn] = [HOME, { yaw: 0, pitch: 0 }];
    lay();
  }

  function press(event) {
    const { key, shiftKey } = event;
    const arrow = ARROWS[key];
    if (arrow && shiftKey) goTo(step(arrow[0] + arrow[1]));
    else if (arrow) pan(-STRIDE * arrow[0], -STRIDE * arrow[1]);
    else if (key === "+" || key === "=") zoom(STEP);
    else if (key === "-") zoom(1 / STEP);
    else if (key === "0") home();
    else if (key === "Enter" && at !== null) open(pointOf(at));
    else return;
    event.preventDefault();
  }

  function zoomButtons() {
    const by = (factor) => () => zoom(factor);
    const all = { minus: ["view.zoom.out", by(1 / STEP)], plus: ["view.zoom.in", by(STEP)], fit: ["atlas.fit", home] };
    const button = ([name, [key, act]]) => h("button.ghost", { title: t(key), "aria-label": t(key), onclick: act }, icon(name));
    return h("div.zoom", { role: "group", "aria-label": t("view.zoom") }, Object.entries(all).map(button));
  }

  listen(canvas, {
    zoom: (factor, spot) => look(zoomed(SQUARE, room(), camera, factor, spot)),
    pan,
    point: (spot) => point(spot && under(spot)),
    toggle: home,
    divider: () => null,
  });
  group.addEventListener("keydown", (event) => !event.ctrlKey && !event.metaKey && !event.altKey && press(event));
  group.addEventListener("blur", () => point(null));
  canvas.addEventListener("pointerdown", () => (dragged = 0));
  canvas.addEventListener("click", () => at !== null && dragged < 5 && open(pointOf(at)));
  new ResizeObserver(plan).observe(canvas);

  function name(...labels) {
    const count = integer(map.points.ids.length);
    canvas.setAttribute("aria-label", labels.length ? t("atlas.alt.placed", { count, labels: labels.join(", ") }) : t("atlas.alt", { count }));
  }

  return {
    /** A map, as the service gives it, of a collection. */
    show(found, of) {
      [map, collection, own, nearest, at] = [found, of, null, [], null];
      legend.show(map);
      name();
      home();
    },
    /** The image's own place, and those of the map that lie next to it. */
    place(coordinates, near) {
      own = coordinates;
      nearest = near.map(({ id }) => map.points.ids.indexOf(id));
      legend.show(map, true);
      name(...near.map(labelOf));
      lay();
    },
    point(id) {
      const place = map.points.ids.indexOf(id);
      point(place < 0 ? null : place); // it may have been removed since
    },
    zoom: zoomButtons(),
  };
}

/** What draws on a canvas, in CSS pixels. */
function scaled(canvas, ratio) {
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}
