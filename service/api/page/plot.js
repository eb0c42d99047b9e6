/* A map that can be moved, turned and pointed at, by mouse, finger and keys, with a legend that switches labels. */

import { HOME, farther, nearer, panned, toView, zoomed } from "./camera.js";
import { labelOf, portrait } from "./case.js";
import { h, refill } from "./dom.js";
import { listen } from "./gestures.js";
import { laid, scatter, sign, SQUARE } from "./scatter.js";
import { integer, t } from "./words.js";

const REACH = 16; // CSS pixels from a point that still point at it
const STEP = 40; // CSS pixels a key moves the map
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Draw maps into an element. open(point) hears which point is taken. Returns {show, place, point}. */
export function createPlot(element, say, open) {
  const canvas = h("canvas.plot", { role: "img" });
  const bubble = h("div.point", { hidden: true });
  const group = h("div.frame", { tabIndex: 0, role: "group", "aria-label": t("atlas.keys") }, canvas, bubble);
  const legend = h("div.legend");
  element.append(group, legend);
  let [map, collection, own, nearest] = [null, null, null, []];
  let [points, camera, turn, at, due, dragged] = [[], HOME, { yaw: 0, pitch: 0 }, null, 0, 0];
  const off = new Set();

  const room = () => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });
  const solid = () => map.dimensions === 3;
  const view = (place) => toView(SQUARE, room(), camera, points[place]);
  const pointOf = (place) => ({ id: map.points.ids[place], name: map.points.names[place], label: map.labels[map.points.label[place]] });

  function lay() {
    points = laid(own ? [...map.points.coordinates, own] : map.points.coordinates, turn);
    plan();
  }

  function plan() {
    due ||= requestAnimationFrame(() => {
      due = 0;
      if (!map) return;
      const ratio = window.devicePixelRatio || 1;
      Object.assign(canvas, { width: Math.round(room().width * ratio), height: Math.round(room().height * ratio) });
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      const { label } = map.points;
      scatter(pen, room(), { points: points.slice(0, label.length), label, off, own: points[label.length], nearest, at, camera });
      canvas.style.touchAction = solid() || camera.zoom > 1.01 ? "none" : "pan-y";
      bubble.hidden = at === null;
      if (at !== null) hold();
    });
  }

  /** Keep the bubble beside its point and inside the frame. */
  function hold() {
    const { x, y } = view(at);
    const across = Math.min(Math.max(x + 12, 4), room().width - bubble.offsetWidth - 4);
    const down = y + 14 + bubble.offsetHeight > room().height ? y - 14 - bubble.offsetHeight : y + 14;
    bubble.style.transform = `translate(${across}px, ${down}px)`;
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

  /** The point that weighs least; those weighed Infinity and those switched off are none. */
  function best(weight) {
    let found = [null, Infinity];
    map.points.label.forEach((kind, place) => {
      const heavy = off.has(kind) ? Infinity : weight(view(place), place);
      if (heavy < found[1]) found = [place, heavy];
    });
    return found[0];
  }

  const under = (spot) => best(({ x, y }) => (Math.hypot(x - spot.x, y - spot.y) <= REACH ? Math.hypot(x - spot.x, y - spot.y) : Infinity));

  /** The nearest point in the direction of an arrow. */
  function towards([dx, dy]) {
    const from = at === null ? own && view(points.length - 1) : view(at);
    if (!from) return best(({ x, y }) => Math.hypot(x - room().width / 2, y - room().height / 2));
    return best(({ x, y }, place) => {
      const [along, aside] = [(x - from.x) * dx + (y - from.y) * dy, Math.abs((x - from.x) * dy + (y - from.y) * dx)];
      return place !== at && along > 0.5 && aside <= along ? along + 2 * aside : Infinity;
    });
  }

  const look = (next) => {
    camera = next;
    plan();
  };

  function pan(dx, dy) {
    dragged += Math.hypot(dx, dy);
    if (!solid()) return look(panned(SQUARE, room(), camera, dx, dy));
    turn = { yaw: turn.yaw + dx / 120, pitch: Math.min(Math.max(turn.pitch + dy / 120, -1.5), 1.5) };
    return lay();
  }

  function press(event) {
    const { key, shiftKey } = event;
    const arrow = ARROWS[key];
    if (arrow && shiftKey) point(towards(arrow) ?? at, true);
    else if (arrow) pan(-STEP * arrow[0], -STEP * arrow[1]);
    else if (key === "+" || key === "=") look(nearer(SQUARE, room(), camera));
    else if (key === "-") look(farther(SQUARE, room(), camera));
    else if (key === "0") home();
    else if (key === "Enter" && at !== null) open(pointOf(at));
    else return;
    event.preventDefault();
  }

  function home() {
    [camera, turn] = [HOME, { yaw: 0, pitch: 0 }];
    lay();
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

  function drawLegend() {
    const { labels, points: { label } } = map;
    const counted = [...labels.keys(), -1].map((kind) => [kind, label.filter((other) => other === kind).length]).filter(([, count]) => count);
    const entry = ([kind, count]) => h("button.ghost", { key: `label ${kind}`, "aria-pressed": String(!off.has(kind)), onclick: () => toggle(kind) }, sign(kind), `${labelOf({ label: labels[kind] })} · ${integer(count)}`);
    refill(legend, own && h("span", sign("own"), t("case.own")), counted.map(entry));
  }

  function toggle(kind) {
    if (!off.delete(kind)) off.add(kind);
    point(null);
    drawLegend();
    plan();
  }

  return {
    /** A map, as the service gives it, of a collection. */
    show(found, of) {
      [map, collection, own, nearest, at] = [found, of, null, [], null];
      off.clear();
      canvas.setAttribute("aria-label", t("atlas.alt", { count: integer(map.points.ids.length) }));
      home();
      drawLegend();
    },
    /** The image's own place, and the ids of points next to it. */
    place(coordinates, ids) {
      own = coordinates;
      nearest = ids.map((id) => map.points.ids.indexOf(id));
      lay();
      drawLegend();
    },
    point: (id) => point(map.points.ids.indexOf(id)),
  };
}
