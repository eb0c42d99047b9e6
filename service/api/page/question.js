/* What is asked, as the service's address has it, and as a person would type it. */

import { address } from "./wire.js";

export const CLASSES_SHOWN = 10;

/** How a class is named in a query: by its label, which is its own; by its index where the labels are not known. */
const className = (index, labels) => labels?.[index] ?? String(index);

/** The path and query of one /analyze call. picked: as in the store. details: GET /models/{name}, or null. */
export function analyzePath(model, picked, details) {
  const query = new URLSearchParams({ model });
  for (const name of picked.methods) query.append("methods", name);
  for (const index of picked.targets) query.append("target", className(index, details?.labels));
  for (const index of picked.versus) query.append("versus", className(index, details?.labels));
  const layers = [picked.layer ?? details?.default_layer, ...picked.fused];
  if (picked.layer || layers.length > 1) for (const name of layers) query.append("layer", name);
  if (layers.length > 1) query.set("fusion", picked.fusion);
  for (const [name, { value, methods }] of Object.entries(picked.parameters)) {
    if (methods.some((method) => picked.methods.includes(method))) query.set(name, value); // the service refuses others'
  }
  query.set("top_k", CLASSES_SHOWN);
  query.set("boxes", "true");
  if (picked.quality) query.set("quality", "true");
  return `analyze?${query}`;
}

export const predictPath = (model) => `predict?${new URLSearchParams({ model, top_k: 1 })}`;

/** The command line that asks the same about a file of this name. */
export function curl(path, filename) {
  return `curl -F ${quoted(`image=@${formFile(filename)}`)} ${quoted(address(path))}`;
}

/** A file's name as curl's -F takes it: quoted where a comma, semicolon or quote would end it. */
function formFile(name) {
  return /[,;"\\]/.test(name) ? `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : name;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
