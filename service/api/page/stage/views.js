// @ts-check
/* The middle of the page: one view of the image, or several side by side that move together. */

import { clamp, HOME, panned, toImage, toView, zoomed } from "../core/camera.js";
import { atNextFrame, contextOf, h, refill } from "../core/dom.js";
import { listen } from "../core/gestures.js";
import { icon } from "../core/icons.js";
import { number, t } from "../core/text.js";
import { scaleCanvas } from "./colormaps.js";
import { columnsFor, columnWidth, stackedColumns } from "./columns.js";
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
      for (const { frame } of views) observer.unobserve(frame);
      views = scenes.map((scene) => viewOf(scene, countHeatmaps(state.answer) > 1, toggleEnlarged));
      for (const view of views) listen(view.canvas, actionsOf(view));
      refill(
        element,
        views.map(({ figure }) => figure),
      );
      for (const { frame } of views) observer.observe(frame);
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
    const caption = views.length > 1 ? captionOf(views[0]) : 0;
    const count = views.length;
    const columns = stacked.matches ? stackedColumns(count, room) : columnsFor(count, room, image, caption);
    element.style.setProperty("--columns", String(columns));
    element.style.setProperty("--column", `${columnWidth(columns, room)}px`);
    element.style.setProperty("--ratio", String(image.width / image.height));
    element.classList.toggle("several", views.length > 1);
  }

  /** The size of every view, in whole CSS pixels: the same for all, so that the same place is at the same pixel. */
  function room() {
    const sides = (/** @type {"clientWidth" | "clientHeight"} */ side) => views.map(({ frame }) => frame[side] || 1);
    return { width: Math.min(...sides("clientWidth")), height: Math.min(...sides("clientHeight")) };
  }

  /** @param {Figure} view @returns {Actions} */
  function actionsOf(view) {
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

  const schedule = atNextFrame(() => {
    const size = views.length ? room() : null;
    if (size) for (const view of views) paintOne(view, size);
  });

  /** @param {Figure} view @param {Size} size */
  function paintOne({ canvas, scene }, size) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(size.width * ratio);
    const height = Math.round(size.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${size.width}px`, height: `${size.height}px` });
    paint(contextOf(canvas), size, ratio, painting(scene));
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
    const size = pointer && views.length ? room() : null;
    for (const { cross, value, scene } of views) {
      const at = pointer && size && toView(imageOf(store.state), size, camera, pointer);
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
    room: () => (views.length ? room() : { width: 1, height: 1 }),
    image: () => imageOf(store.state),
    painting,
  };
}

/** The height of what stands above and below the picture of a view, CSS pixels. @param {Figure} view */
const captionOf = ({ head, foot }) => head.offsetHeight + foot.offsetHeight;

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
  const frame = h("div.frame", canvas, cross, remark, value);
  const foot = h("div.foot", scale);
  const figure = h("figure.figure", head, frame, foot);
  return { scene, figure, head, frame, foot, canvas, cross, value, title, detail, scale, remark, button };
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
  scale.title = `${t("heatmap.scale", { maximum })}. ${t(scene.shared ? "heatmap.shared.title" : "heatmap.own.title")}`;
  const kind = h("span.kind", t(scene.shared ? "heatmap.shared" : "heatmap.own"));
  scale.replaceChildren(h("span", "0"), scaleCanvas(view.colormap), h("span.top", maximum), kind);
  scale.style.visibility = view.mode === "image" ? "hidden" : "visible";
}
