// @ts-check
/* The addresses that answers are requested from, and the curl command for one of them. */

import { address } from "../core/http.js";

/** @import { ModelDetails } from "../api.js" */
/** @import { Selection } from "../types.js" */

export const CLASSES_SHOWN = 10;

/**
 * A class in a query: its label, or its index where the labels are not known.
 * @param {number} index
 * @param {string[]} [labels]
 */
const className = (index, labels) => labels?.[index] ?? String(index);

/**
 * The path and query of one /analyze call.
 * @param {string} model
 * @param {Selection} selection
 * @param {Pick<ModelDetails, "labels" | "default_layer"> | null} details
 */
export function analyzePath(model, selection, details) {
  const query = new URLSearchParams({ model });
  for (const name of selection.methods) query.append("methods", name);
  for (const index of selection.targets) query.append("target", className(index, details?.labels));
  for (const index of selection.versus) query.append("versus", className(index, details?.labels));
  for (const name of layersOf(selection, details)) query.append("layer", name);
  if (selection.extraLayers.length) query.set("fusion", selection.fusion);
  for (const [name, { value, methods }] of Object.entries(selection.parameters)) {
    // the service rejects parameters of methods that are not requested
    if (methods.some((method) => selection.methods.includes(method))) query.set(name, String(value));
  }
  query.set("top_k", String(CLASSES_SHOWN));
  query.set("boxes", "true");
  if (selection.quality) query.set("quality", "true");
  return `analyze?${query}`;
}

/**
 * The layers to name: none where only the default is wanted.
 * @param {Selection} selection
 * @param {Pick<ModelDetails, "default_layer"> | null} details
 */
function layersOf({ layer, extraLayers }, details) {
  const chosen = layer ?? (extraLayers.length ? details?.default_layer : null);
  return chosen ? [chosen, ...extraLayers] : extraLayers;
}

/** @param {string} model */
export const predictPath = (model) => `predict?${new URLSearchParams({ model, top_k: "1" })}`;

/**
 * The command that sends a file of this name to a path.
 * @param {string} path
 * @param {string} filename
 */
export function curl(path, filename) {
  return `curl -F ${quoted(`image=@${formFile(filename)}`)} ${quoted(address(path))}`;
}

/**
 * A file name for curl's -F: in quotes where a comma, semicolon or quote would end it.
 * @param {string} name
 */
function formFile(name) {
  return /[,;"\\]/.test(name) ? `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : name;
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
