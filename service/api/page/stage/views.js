// @ts-check
/* The middle of the page: one view of the image, or several side by side that move together. */

import { clamp, HOME, panned, toImage, toView, zoomed } from "../core/camera.js";
import { atNextFrame, contextOf, h, refill } from "../core/dom.js";
import { listen } from "../core/gestures.js";
import { icon } from "../core/icons.js";
import { number, t } from "../core/text.js";
import { scaleCanvas } from "./colormaps.js";
import { columnsFor, stackedColumns } from "./columns.js";
import { paint } from "./paint.js";
import { valueText } from "./readout.js";
import { countHeatmaps, describe, remarks, scenesOf } from "./scenes.js";

/** @import { Actions } from "../core/gestures.js" */
/** @import { HeatmapScene, PageStore, Painting, Point, Scene, Size, Stage, State, View } from "../types.js" */

/** @typedef {ReturnType<typeof viewOf>} Figure */

const stacked = matchMedia("(width < 64rem)"); // the page scrolls

/**
 * Draw the views of a store into an element, and let them be moved.
 * @param {PageStore} store
 * @param {HTMLElement} element
 * @returns {Stage}
 */
export function createViews(store, element) {
  /** @type {Figure[]} */
  let views = [];
  let shown = "";

  /** @param {State} state @returns {Size} */
  const imageOf = ({ answer, current }) =>
    (answer?.item === current && answer?.image) || current?.bitmap || { width: 1, height: 1 };

  /** @param {State} state */
  function build(state) {
    const scenes = scenesOf(state);
    const signature = scenes.map(({ key, title }) => `${key},${title}`).join("|") + (state.answer?.path ?? "");
    if (signature !== shown) {
      shown = signature;
      for (const { canvas } of views) observer.unobserve(canvas);
      views = scenes.map((scene) => viewOf(scene, countHeatmaps(state.answer) > 1, toggleEnlarged));
      for (const view of views) listen(view.canvas, actionsOf(view));
      refill(
        element,
        views.map(({ figure }) => figure),
      );
      for (const { canvas } of views) observer.observe(canvas);
    }
    views.forEach((view, place) => {
      dress(view, scenes[place], state, imageOf(state));
    });
    arrange();
    schedule();
  }

  /** @param {string} key */
  const toggleEnlarged = (key) => store.set({ enlarged: store.state.enlarged === key ? null : key });

  function arrange() {
    const room = { width: element.clientWidth, height: element.clientHeight };
    const image = imageOf(store.state);
    const columns = stacked.matches ? stackedColumns(views.length, room) : columnsFor(views.length, room, image);
    element.style.setProperty("--columns", String(columns));
    element.style.setProperty("--ratio", String(image.width / image.height));
    element.classList.toggle("several", views.length > 1);
  }

  /** @param {Figure} view @returns {Actions} */
  function actionsOf(view) {
    const room = () => roomOf(view.canvas);
    const { state } = store;
    const move = (/** @type {State["camera"]} */ camera) => store.set({ camera });
    const zoom = (/** @type {number} */ factor, /** @type {Point} */ point) =>
      move(zoomed(imageOf(state), room(), state.camera, factor, point));
    return {
      zoom,
      pan: (dx, dy) => move(panned(imageOf(state), room(), state.camera, dx, dy)),
      point: (point) => store.set({ pointer: point && toImage(imageOf(state), room(), state.camera, point) }),
      toggle: (point) => (state.camera.zoom > 1.01 ? move(HOME) : zoom(4, point)),
      divider: () => (state.view.mode === "swipe" && view.scene.map ? state.view.swipe * room().width : null),
      divide: (x) => store.update("view", { swipe: clamp(x / room().width, 0, 1) }),
    };
  }

  const schedule = atNextFrame(() => views.forEach(paintOne));

  /** @param {Figure} view */
  function paintOne({ canvas, scene }) {
    const room = roomOf(canvas);
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(room.width * ratio);
    const height = Math.round(room.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    paint(contextOf(canvas), room, ratio, painting(scene));
    canvas.style.touchAction = store.state.camera.zoom > 1.01 ? "none" : "pan-y";
  }

  /** @param {Scene} scene @returns {Painting} */
  function painting(scene) {
    const { current, view, camera } = store.state;
    const heat = scene.map ? { map: scene.map, maximum: scene.maximum } : { map: null, maximum: 0 };
    return { image: imageOf(store.state), bitmap: current?.bitmap ?? null, ...heat, view, camera };
  }

  /**
   * Show the cross and the raw value at the same point of the image in every view.
   * @param {State} state
   */
  function point({ pointer, camera, view: { smooth } }) {
    for (const { canvas, cross, value, scene } of views) {
      const at = pointer && toView(imageOf(store.state), roomOf(canvas), camera, pointer);
      cross.hidden = !at;
      if (at) cross.style.transform = `translate(${at.x}px, ${at.y}px)`;
      value.textContent = pointer && scene.map ? valueText(scene.map, pointer, smooth) : "";
    }
  }

  const observer = new ResizeObserver(() => {
    arrange();
    schedule();
  });
  observer.observe(element);
  store.on(["answer", "current", "enlarged", "view", "methods", "details"], build);
  store.on(["camera"], schedule);
  store.on(["pointer", "camera", "view", "answer"], point);

  return {
    views: () => views,
    room: () => (views.length ? roomOf(views[0].canvas) : { width: 1, height: 1 }),
    image: () => imageOf(store.state),
    painting,
  };
}

/** @param {HTMLCanvasElement} canvas @returns {Size} */
const roomOf = (canvas) => ({ width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 });

/**
 * The elements of a view.
 * @param {Scene} scene
 * @param {boolean} several
 * @param {(key: string) => void} onEnlarge
 */
function viewOf(scene, several, onEnlarge) {
  const canvas = h("canvas.view", { role: "img" });
  const cross = h("div.cross", { hidden: true });
  const value = h("span.value");
  const title = h("span.figure-title");
  const detail = h("span.figure-method");
  const enlarge = { key: `enlarge ${scene.key}`, onclick: () => onEnlarge(scene.key) };
  const button = several && scene.map ? h("button.ghost.small", enlarge, icon("enlarge")) : null;
  const scale = h("div.scale", { hidden: !scene.map });
  const remark = h("p.remark", { hidden: true });
  const head = h("figcaption", h("span.figure-name", title, detail), button);
  const figure = h("figure.figure", head, h("div.frame", canvas, cross, remark), h("div.foot", scale, value));
  return { scene, figure, canvas, cross, value, title, detail, scale, remark, button };
}

/**
 * Set everything about a view except its pixels.
 * @param {Figure} figure
 * @param {Scene} scene
 * @param {State} state
 * @param {Size} image
 */
function dress(figure, scene, { view, enlarged }, image) {
  figure.scene = scene;
  figure.title.textContent = scene.first;
  figure.title.title = scene.first;
  figure.detail.textContent = scene.second;
  figure.canvas.setAttribute("aria-label", scene.map ? describe(scene) : t("heatmap.alone", image));
  const notes = scene.map && view.mode !== "image" ? remarks(scene) : [];
  figure.remark.textContent = notes.join(" ");
  figure.remark.hidden = notes.length === 0;
  if (figure.button) {
    const name = enlarged ? t("view.shrink") : t("view.enlarge", { what: `${scene.method}, ${scene.title}` });
    figure.button.setAttribute("aria-label", name);
    figure.button.title = name;
  }
  if (scene.map) dressScale(figure.scale, scene, view);
}

/** @param {HTMLElement} scale @param {HeatmapScene} scene @param {View} view */
function dressScale(scale, scene, view) {
  const maximum = number(Math.max(0, scene.maximum));
  scale.title = t("heatmap.scale", { maximum });
  scale.replaceChildren(h("span", "0"), scaleCanvas(view.colormap), h("span", maximum));
  scale.style.visibility = view.mode === "image" ? "hidden" : "visible";
}
