/* How far each map can be trusted, in numbers, each with a sentence that a reader without the papers understands. */

import { h, refill } from "./dom.js";
import { spaced } from "./facts.js";
import { scenesOf } from "./scenes.js";
import { tipWith } from "./tips.js";
import { known, number, t } from "./words.js";

/** Draw the quality of a store's maps into an element, and a button that has it measured. */
export function createQuality(store, element, picking) {
  store.on(["answer", "current", "picked", "measures", "methods"], (state) => {
    const maps = state.answer ? scenesOf({ ...state, enlarged: null }).filter(({ map }) => map) : [];
    element.hidden = maps.length === 0;
    refill(element, h("div.section-head", h("h2", t("quality.title")), button(state, picking)), table(maps, state.measures));
  });
}

function button({ picked }, picking) {
  const on = String(picked.quality);
  return h("button.ghost", { "aria-pressed": on, title: t("quality.measure.title"), key: "measure", onclick: picking.toggleQuality }, t("quality.measure"));
}

/** One row a figure, one column a map. */
function table(scenes, measures) {
  const names = [...new Set(scenes.flatMap(({ map }) => Object.keys(map.quality ?? {})))];
  if (!names.length) return null;
  const head = scenes.length > 1 && h("thead", h("tr", h("td"), scenes.map(({ first }) => h("th", { scope: "col" }, first))));
  const rows = names.map((name) =>
    h("tr", h("th", { scope: "row" }, nameOf(name), tipWith(meaningOf(name, measures)), betterOf(name, measures)), scenes.map(({ map }) => h("td", figure(map.quality?.[name])))),
  );
  return h("div.wide-table", { tabIndex: 0, role: "group", "aria-label": t("quality.title") }, h("table.figures", [head, h("tbody", rows)].filter(Boolean)));
}

const nameOf = (name) => (known(`quality.name.${name}`) ? t(`quality.name.${name}`) : spaced(name));

function betterOf(name, measures) {
  const better = measures.find((measure) => measure.name === name)?.better;
  return known(`quality.better.${better}`) && h("small", t(`quality.better.${better}`));
}

function meaningOf(name, measures) {
  if (known(`quality.tip.${name}`)) return t(`quality.tip.${name}`);
  return measures.find((measure) => measure.name === name)?.definition ?? spaced(name);
}

const figure = (value) => (value === null || value === undefined ? t("quality.none") : number(value));
