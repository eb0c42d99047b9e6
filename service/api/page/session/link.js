// @ts-check
/*
 * A link to a view: model, methods, classes and layers in the fragment of the address. It opens the same view of any
 * image. It never names an image, and browsers do not send fragments to the service.
 */

import { DEFAULT_SELECTION } from "./state.js";

/** @import { ModelDetails } from "../api.js" */
/** @import { Link, Selection, State } from "../types.js" */

/** @type {Link} */
export const NO_LINK = { model: null, methods: [], classes: [], versus: [], layers: [], fusion: null };

/** Ways to combine layers. */
export const FUSIONS = ["max", "mean", "product"];

/** The lists of a link, and what they are called in the address. */
const LISTS = /** @type {const} */ ([
  ["methods", "method"],
  ["classes", "class"],
  ["versus", "versus"],
  ["layers", "layer"],
]);

/**
 * The link in a fragment, or null where the fragment is none: "#views" leads to an element.
 * @param {string} fragment
 * @returns {Link | null}
 */
export function readLink(fragment) {
  const found = new URLSearchParams(fragment.replace(/^#/, ""));
  const model = found.get("model");
  if (!model) return null;
  const lists = Object.fromEntries(LISTS.map(([list, name]) => [list, found.getAll(name)]));
  return { ...NO_LINK, ...lists, model, fusion: found.get("fusion") };
}

/**
 * The fragment of the view of a state; null until the details of the chosen model are known.
 * @param {Pick<State, "model" | "details" | "selection">} state
 */
export function fragmentOf({ model, details, selection }) {
  if (!model || details?.name !== model) return null;
  const { layer, extraLayers, fusion } = selection;
  const labels = (/** @type {number[]} */ indexes) => indexes.map((index) => details.labels[index] ?? String(index));
  const layers = layer || extraLayers.length ? [layer ?? details.default_layer ?? "", ...extraLayers] : [];
  const link = { ...selection, classes: labels(selection.targets), versus: labels(selection.versus), layers };
  const found = new URLSearchParams({ model });
  for (const [list, name] of LISTS) for (const value of link[list]) found.append(name, value);
  if (extraLayers.length) found.set("fusion", fusion);
  return `#${found}`;
}

/**
 * The selection of a link, and what it names that the model does not have. names: the methods that apply.
 * @param {Link} link
 * @param {Pick<ModelDetails, "labels" | "layers" | "default_layer">} details
 * @param {string[]} names
 * @returns {{selection: Selection, missing: string[]}}
 */
export function resolve(link, details, names) {
  /** @type {string[]} */
  const missing = [];
  /** @param {string[]} wanted @param {string[]} existing */
  function known(wanted, existing) {
    missing.push(...wanted.filter((name) => !existing.includes(name)));
    return [...new Set(wanted)].filter((name) => existing.includes(name));
  }
  const indexes = (/** @type {string[]} */ wanted) =>
    known(wanted, details.labels).map((label) => details.labels.indexOf(label));
  const spatial = (details.layers ?? []).filter((layer) => layer.spatial).map(({ name }) => name);
  const [fusion = DEFAULT_SELECTION.fusion] = known(link.fusion ? [link.fusion] : [], FUSIONS);
  const [first = null, ...extraLayers] = known(link.layers, spatial);
  const selection = {
    ...DEFAULT_SELECTION,
    methods: known(link.methods, names),
    targets: indexes(link.classes),
    versus: indexes(link.versus),
    layer: first === details.default_layer ? null : first,
    extraLayers,
    fusion,
  };
  return { selection, missing };
}
