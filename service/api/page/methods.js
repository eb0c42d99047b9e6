/* The methods: which are shown, what they cost, and where in the network they look. */

import { h, refill } from "./dom.js";
import { applicable, isSlow } from "./picking.js";
import { tip } from "./tips.js";
import { t } from "./words.js";

/** Draw the methods and layers of a store into an element. */
export function createMethods(store, element, picking) {
  const head = h("div", { class: "section-head" });
  const list = h("ul", { class: "methods" });
  const pixelsHead = h("h3", { class: "quiet" }, t("methods.pixels"), tip("methods.pixels.tip"));
  const pixels = h("ul", { class: "methods" });
  const about = h("div", { class: "about" });
  const parameters = h("div", { class: "parameters" });
  const layers = h("div", { class: "row" });
  element.append(head, list, pixelsHead, pixels, about, parameters, layers);

  function draw(state) {
    const all = applicable(state);
    const [first] = state.picked.methods;
    refill(head, h("h2", {}, t("methods.title"), tip("methods.tip")), allButton(state, picking));
    const rows = (methods) => methods.map((method) => rowOf(method, state.picked.methods, picking));
    refill(list, rows(all.filter((method) => !inPixels(method))));
    refill(pixels, rows(all.filter(inPixels)));
    pixelsHead.hidden = !pixels.hasChildNodes();
    refill(about, aboutOf(all.find(({ name }) => name === first)));
    refill(layers, layerChoice(state, picking));
  }

  store.on(["methods", "details", "picked"], draw);
  store.on(["methods", "picked"], (state) => {
    const taken = state.methods.filter(({ name }) => state.picked.methods.includes(name));
    refill(parameters, fieldsOf(taken).map((field) => control(field, state.picked.parameters, picking)));
  });
}

const inPixels = ({ needs }) => needs === "pixels";

function allButton({ picked }, picking) {
  const many = picked.methods.length > 1;
  return h("button", { type: "button", class: "ghost", "aria-pressed": String(many), title: t("methods.all.title"), "data-key": "all", onclick: picking.toggleAll }, t("methods.all"));
}

function rowOf(method, chosen, picking) {
  const { name, title, summary, applies, reason, cost } = method;
  const on = chosen.includes(name);
  const check = t("methods.check", { method: title });
  const slow = isSlow(method) && h("span", { class: "slow", title: t("methods.slow.title", { cost }) }, t("methods.slow"));
  return h(
    "li",
    { class: on ? "chosen" : "", title: applies ? summary : `${t("methods.unavailable")}: ${reason}` },
    h("input", { type: "checkbox", checked: on, disabled: !applies, "aria-label": check, "data-key": `check ${name}`, onchange: () => picking.toggleMethod(name) }),
    h("button", { type: "button", class: "method", disabled: !applies, "aria-pressed": String(on), "data-key": `method ${name}`, onclick: () => picking.only(name) }, title, slow),
  );
}

/** The first of the chosen methods in a few lines. */
function aboutOf(method) {
  if (!method) return [];
  const facts = [["methods.formula", method.formula], ["methods.paper", method.paper], ["methods.cost", method.cost]];
  return [
    h("details", {}, h("summary", {}, h("strong", {}, method.title), ` – ${method.summary.replaceAll("`", "")}`), h("dl", { class: "facts" }, facts.flatMap(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]))),
  ];
}

function layerChoice({ details, picked }, picking) {
  const layers = (details?.layers ?? []).filter(({ spatial }) => spatial);
  if (!layers.length) return [];
  const chosen = picked.layer ?? details.default_layer;
  const options = layers.map(({ name, shape: [, height, width] }) => {
    const key = name === details.default_layer ? "layer.default" : "layer.option";
    return h("option", { value: name, selected: name === chosen }, t(key, { name, height, width }));
  });
  const select = h("select", { id: "layer", "data-key": "layer", onchange: () => picking.layer(select.value) }, options);
  return [h("label", { htmlFor: "layer" }, t("layer.label")), tip("layer.tip"), select];
}

/** The methods' own parameters, from their JSON Schema, each once: {name, titles, methods, ...schema}. */
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
    const select = h("select", { id, "data-key": id, onchange: () => change(select.value) }, schema.enum.map((one) => h("option", { value: one, selected: one === value }, one)));
    return h("div", { class: "row" }, label, select);
  }
  const bounded = schema.minimum !== undefined && schema.maximum !== undefined;
  const range = { min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? 1 : 0.05 };
  const output = h("output", {}, String(value));
  const input = h("input", { id, type: bounded ? "range" : "number", "data-key": id, ...range, value, title: description });
  input.addEventListener("input", () => (output.textContent = input.value));
  input.addEventListener("change", () => change(Number(input.value)));
  return h("div", { class: "row" }, label, input, output);
}
