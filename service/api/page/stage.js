/* The middle of the page: one view of the image, or several side by side that move together. */

import { HOME, panned, toImage, toView, zoomed } from "./camera.js";
import { scaleCanvas } from "./colormaps.js";
import { h, icon, refill } from "./dom.js";
import { listen } from "./gestures.js";
import { paint } from "./paint.js";
import { valueText } from "./readout.js";
import { describe, mapsOf, remarks, scenesOf } from "./scenes.js";
import { number, t } from "./words.js";

const NARROWEST = 150; // CSS pixels of one of several views
const stacked = matchMedia("(width < 64rem)"); // the page scrolls, so that height is no limit
const STACKED = 170; // CSS pixels of one of several there, at least
const ABOVE_AND_BELOW = 66; // CSS pixels of its name and its scale

/** Draw the views of a store into an element, and let them be moved. Returns {size, views, paintAll}. */
export function createStage(store, element) {
  let views = []; // {scene, figure, canvas, cross, value}
  let shown = "";
  let due = 0;

  const imageOf = ({ answer, current }) =>
    (answer?.item === current && answer?.image) || current?.picture || { width: 1, height: 1 };

  function build(state) {
    const scenes = scenesOf(state);
    const signature = scenes.map((scene) => [scene.key, scene.title].join()).join("|") + (state.answer?.path ?? "");
    if (signature !== shown) {
      shown = signature;
      views.forEach((view) => watcher.unobserve(view.canvas));
      views = scenes.map((scene) => figureOf(scene, mapsOf(state.answer) > 1));
      refill(element, views.map((view) => view.figure));
      views.forEach((view) => watcher.observe(view.canvas));
    }
    views.forEach((view, place) => dress(view, scenes[place], state));
    arrange();
    plan();
  }

  function figureOf(scene, several) {
    const canvas = h("canvas.view", { role: "img" });
    const cross = h("div.cross", { hidden: true });
    const value = h("span.value");
    const title = h("span.figure-title");
    const detail = h("span.figure-method");
    const button = several && scene.map ? enlargeButton(scene) : null;
    const scale = h("div.scale", { hidden: !scene.map });
    const remark = h("p.remark", { hidden: true });
    const head = h("figcaption", h("span.figure-name", title, detail), button);
    const figure = h("figure.figure", head, h("div.frame", canvas, cross, remark), h("div.foot", scale, value));
    const view = { scene, figure, canvas, cross, value, title, detail, scale, remark, button };
    listen(canvas, actionsOf(view));
    return view;
  }

  function enlargeButton(scene) {
    const toggle = () => store.set({ enlarged: store.state.enlarged === scene.key ? null : scene.key });
    return h("button.ghost.small", { key: `enlarge ${scene.key}`, onclick: toggle }, icon("enlarge"));
  }

  /** Everything about a view except its pixels. */
  function dress(view, scene, { view: look, enlarged }) {
    view.scene = scene;
    view.title.textContent = scene.first;
    view.title.title = scene.first;
    view.detail.textContent = scene.second;
    view.canvas.setAttribute("aria-label", scene.map ? describe(scene) : t("map.alone", imageOf(store.state)));
    const notes = scene.map && look.mode !== "image" ? remarks(scene) : [];
    view.remark.textContent = notes.join(" ");
    view.remark.hidden = notes.length === 0;
    if (view.button) {
      const name = enlarged ? t("view.shrink") : t("view.enlarge", { what: `${scene.method}, ${scene.title}` });
      view.button.setAttribute("aria-label", name);
      view.button.title = name;
    }
    if (scene.map) dressScale(view.scale, scene, look);
  }

  function dressScale(scale, scene, look) {
    scale.title = t("map.scale", { maximum: number(Math.max(0, scene.maximum)) });
    scale.replaceChildren(h("span", "0"), scaleCanvas(look.colormap), h("span", number(Math.max(0, scene.maximum))));
    scale.style.visibility = look.mode === "image" ? "hidden" : "visible";
  }

  /** As many columns as make the views largest. */
  function arrange() {
    const room = { width: element.clientWidth, height: element.clientHeight };
    const image = imageOf(store.state);
    let best = { scale: 0, columns: 1 };
    for (let columns = 1; columns <= views.length; columns += 1) {
      const rows = Math.ceil(views.length / columns);
      const width = room.width / columns;
      const height = Math.max(room.height / rows - (views.length > 1 ? ABOVE_AND_BELOW : 0), 90);
      const scale = Math.min(width / image.width, height / image.height);
      if (scale > best.scale * 1.02 && (width >= NARROWEST || columns === 1)) best = { scale, columns };
    }
    const columns = stacked.matches ? Math.max(1, Math.min(views.length, Math.floor(room.width / STACKED))) : best.columns;
    element.style.setProperty("--columns", columns);
    element.style.setProperty("--ratio", image.width / image.height);
    element.classList.toggle("several", views.length > 1);
  }

  const sizeOf = (canvas) => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });

  function actionsOf(view) {
    const room = () => sizeOf(view.canvas);
    const { state } = store;
    const move = (camera) => store.set({ camera });
    const place = (point) => toImage(imageOf(state), room(), state.camera, point);
    return {
      zoom: (factor, point) => move(zoomed(imageOf(state), room(), state.camera, factor, point)),
      pan: (dx, dy) => move(panned(imageOf(state), room(), state.camera, dx, dy)),
      point: (point) => store.set({ pointer: point && place(point) }),
      toggle: (point) => move(state.camera.zoom > 1.01 ? HOME : zoomed(imageOf(state), room(), state.camera, 4, point)),
      divider: () => (state.view.mode === "swipe" && view.scene.map ? state.view.swipe * room().width : null),
      divide: (x) => store.update("view", { swipe: Math.min(Math.max(x / room().width, 0), 1) }),
    };
  }

  /** Paint at the next frame; several calls before it are one. */
  function plan() {
    due ||= requestAnimationFrame(() => {
      due = 0;
      views.forEach(paintOne);
    });
  }

  function paintOne({ canvas, scene }) {
    const room = sizeOf(canvas);
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(room.width * ratio);
    const height = Math.round(room.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    paint(canvas.getContext("2d"), room, ratio, sceneToPaint(scene));
    canvas.style.touchAction = store.state.camera.zoom > 1.01 ? "none" : "pan-y";
  }

  function sceneToPaint(scene) {
    const { current, view, camera } = store.state;
    return { image: imageOf(store.state), picture: current?.picture ?? null, map: scene.map, maximum: scene.maximum, view, camera };
  }

  /** The cross and the raw value in every view, at the same place of the image. */
  function point({ pointer, camera, view: look }) {
    for (const view of views) {
      const at = pointer && toView(imageOf(store.state), sizeOf(view.canvas), camera, pointer);
      view.cross.hidden = !at;
      if (at) view.cross.style.transform = `translate(${at.x}px, ${at.y}px)`;
      view.value.textContent = at && view.scene.map ? valueText(view.scene, pointer, look.smooth) : "";
    }
  }

  const watcher = new ResizeObserver(() => {
    arrange();
    plan();
  });
  watcher.observe(element);
  store.on(["answer", "current", "enlarged", "view", "methods", "details"], build);
  store.on(["camera"], plan);
  store.on(["pointer", "camera", "view", "answer"], point);

  return {
    views: () => views,
    room: () => (views.length ? sizeOf(views[0].canvas) : { width: 1, height: 1 }),
    image: () => imageOf(store.state),
    sceneToPaint,
    repaint: plan,
  };
}
