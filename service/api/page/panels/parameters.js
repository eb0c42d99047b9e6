// @ts-check
/* Fields for the parameters of the selected methods, from the JSON Schema that the service gives. */

import { h, refill } from "../core/dom.js";
import { select } from "../core/fields.js";

/** @import { Method, ParameterSchema } from "../api.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { PageStore, Selection } from "../types.js" */

/** @typedef {ParameterSchema & {name: string, titles: string[], methods: string[]}} Field */

/** @param {PageStore} store @param {HTMLElement} element @param {SelectionActions} selection */
export function createParameters(store, element, selection) {
  store.on(["methods", "selection"], ({ methods, selection: { methods: chosen, parameters } }) => {
    const fields = fieldsOf(methods.filter(({ name }) => chosen.includes(name)));
    refill(
      element,
      fields.map((field) => control(field, parameters, selection)),
    );
  });
}

/**
 * Each parameter once, with the methods that take it.
 * @param {Pick<Method, "name" | "title" | "parameters">[]} methods
 * @returns {Field[]}
 */
export function fieldsOf(methods) {
  /** @type {Map<string, Field>} */
  const fields = new Map();
  for (const { name: method, title, parameters } of methods) {
    for (const [name, schema] of Object.entries(parameters.properties ?? {})) {
      const { titles, methods: others } = fields.get(name) ?? { titles: [], methods: [] };
      fields.set(name, { ...schema, name, titles: [...titles, title], methods: [...others, method] });
    }
  }
  return [...fields.values()];
}

/** @param {Field} field @param {Selection["parameters"]} given @param {SelectionActions} selection */
function control({ name, methods, titles, description, ...schema }, given, { setParameter }) {
  const id = `parameter-${name}`;
  const value = given[name]?.value ?? schema.default;
  const change = (/** @type {unknown} */ chosen) => setParameter(name, chosen, methods);
  const label = h("label", { htmlFor: id, title: description }, `${titles.join(", ")}: ${name}`);
  if (schema.enum) return h("div.row", label, select(id, schema.enum, String(value), String, change));
  const bounded = schema.minimum !== undefined && schema.maximum !== undefined;
  const range = { min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? 1 : 0.05 };
  const output = h("output", String(value));
  const type = bounded ? "range" : "number";
  const input = h("input", { id, type, key: id, ...range, value, title: description });
  input.addEventListener("input", () => {
    output.textContent = input.value;
  });
  input.addEventListener("change", () => change(input.valueAsNumber));
  return h("div.row", label, input, output);
}
