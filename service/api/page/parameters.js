/* The methods' own parameters, from the JSON Schema that the service gives of each. */

import { h, refill } from "./dom.js";
import { choice } from "./fields.js";

export function createParameters(store, element, picking) {
  store.on(["methods", "picked"], ({ methods, picked }) => {
    const taken = methods.filter(({ name }) => picked.methods.includes(name));
    refill(element, fieldsOf(taken).map((field) => control(field, picked.parameters, picking)));
  });
}

/** Each parameter once: {name, titles, methods, ...schema}. */
function fieldsOf(methods) {
  const fields = new Map();
  for (const { name: method, title, parameters } of methods) {
    for (const [name, schema] of Object.entries(parameters.properties ?? {})) {
      const { titles = [], methods: takers = [] } = fields.get(name) ?? {};
      fields.set(name, { ...schema, name, titles: [...titles, title], methods: [...takers, method] });
    }
  }
  return [...fields.values()];
}

function control({ name, methods, titles, description, ...schema }, given, picking) {
  const id = `parameter-${name}`;
  const value = given[name]?.value ?? schema.default;
  const change = (chosen) => picking.parameter(name, chosen, methods);
  const label = h("label", { htmlFor: id, title: description }, `${titles.join(", ")}: ${name}`);
  if (schema.enum) {
    return h("div.row", label, choice(id, schema.enum, value, String, change));
  }
  const bounded = schema.minimum !== undefined && schema.maximum !== undefined;
  const range = { min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? 1 : 0.05 };
  const output = h("output", String(value));
  const input = h("input", { id, type: bounded ? "range" : "number", key: id, ...range, value, title: description });
  input.addEventListener("input", () => (output.textContent = input.value));
  input.addEventListener("change", () => change(Number(input.value)));
  return h("div.row", label, input, output);
}
