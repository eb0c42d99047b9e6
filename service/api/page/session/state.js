// @ts-check
/* The state of the page before anything is opened. */

import { HOME } from "../core/camera.js";
import { readPreference, writePreference } from "../core/preferences.js";

/** @import { PageStore, Selection, State, View } from "../types.js" */

/** @type {Selection} */
export const DEFAULT_SELECTION = {
  methods: ["gradcam"],
  targets: [],
  versus: [],
  layer: null,
  extraLayers: [],
  fusion: "max",
  parameters: {},
  quality: false,
};

/** @type {State} */
export const INITIAL = {
  models: [],
  methods: [],
  measures: [],
  model: null,
  details: null,
  items: [],
  current: null,
  selection: DEFAULT_SELECTION,
  comparing: null,
  answer: null,
  pending: null,
  problem: null,
  view: {
    mode: "overlay",
    opacity: 0.65,
    colormap: "inferno",
    boxes: false,
    smooth: true,
    shared: true,
    swipe: 0.5,
  },
  enlarged: null,
  camera: HOME,
  pointer: null,
  panel: null,
  collections: null,
  collection: null,
  neighbors: { k: 8, metric: "cosine", pixels: false },
  queue: null,
};

/** @type {(keyof View)[]} */
const STORED = ["opacity", "colormap", "boxes", "smooth"];

/**
 * Start with the view as it was left, and store its changes.
 * @param {PageStore} store
 * @param {string[]} colormaps
 */
export function rememberView(store, colormaps) {
  const stored = readPreference("view", /** @type {Partial<View>} */ ({}));
  const before = store.state.view;
  const isValid = (/** @type {keyof View} */ name) =>
    typeof stored[name] === typeof before[name] && (name !== "colormap" || colormaps.includes(String(stored[name])));
  store.update("view", Object.fromEntries(STORED.filter(isValid).map((name) => [name, stored[name]])));
  store.on(["view"], ({ view }) =>
    writePreference("view", Object.fromEntries(STORED.map((name) => [name, view[name]]))),
  );
}
