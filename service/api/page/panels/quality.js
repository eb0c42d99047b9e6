// @ts-check
/* Measured quality of each heatmap, with an explanation of every figure. */

import { h, refill } from "../core/dom.js";
import { number, readable, t, textOr } from "../core/text.js";
import { tooltip } from "../core/tooltip.js";
import { heatmapScenes } from "../stage/scenes.js";
import { verdictOf } from "./verdicts.js";

/** @import { Heatmap, Measure } from "../api.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { HeatmapScene, PageStore } from "../types.js" */

/** @param {PageStore} store @param {HTMLElement} element @param {SelectionActions} actions */
export function createQuality(store, element, actions) {
  store.on(["answer", "current", "selection", "measures", "methods"], (state) => {
    const scenes = heatmapScenes(state);
    element.hidden = scenes.length === 0;
    const head = h("div.section-head", h("h2", t("quality.title")), button(state.selection.quality, actions));
    refill(element, head, ...table(scenes, state.measures));
  });
}

/** @param {boolean} on @param {SelectionActions} actions */
function button(on, { toggleQuality }) {
  const properties = { "aria-pressed": String(on), title: t("quality.measure.title"), key: "measure" };
  return h("button.ghost", { ...properties, onclick: toggleQuality }, t("quality.measure"));
}

/**
 * One row for each figure, one column for each heatmap.
 * @param {HeatmapScene[]} scenes
 * @param {Measure[]} measures
 */
function table(scenes, measures) {
  const names = [...new Set(scenes.flatMap(({ map }) => Object.keys(map.quality ?? {})))];
  if (!names.length) return [];
  const columns = scenes.map(({ first }) => h("th", { scope: "col" }, first));
  const head = scenes.length > 1 && h("thead", h("tr", h("td"), columns));
  const rows = names.map((name) => {
    const cells = scenes.map(({ map }) => h("td", figure(name, map)));
    return h(
      "tr",
      nameCell(
        name,
        measures.find((measure) => measure.name === name),
      ),
      cells,
    );
  });
  const group = { tabIndex: 0, role: "group", "aria-label": t("quality.title") };
  return [h("div.wide-table", group, h("table.figures", head, h("tbody", rows))), h("p.hint", t("quality.verdicts"))];
}

/** @param {string} name @param {Measure | undefined} measure */
function nameCell(name, measure) {
  const title = textOr(`quality.name.${name}`, readable(name));
  const explanation = textOr(`quality.tip.${name}`, measure?.definition ?? title);
  const rule = textOr(`quality.rule.${name}`, "");
  return h("th", { scope: "row" }, title, tooltip(title, explanation), rule && h("small", rule));
}

/**
 * A figure with its verdict, and the limit that the verdict comes from.
 * @param {string} name
 * @param {Heatmap} map
 */
function figure(name, map) {
  const value = map.quality?.[name];
  if (value === null || value === undefined) return t("quality.none");
  const verdict = verdictOf(name, value, map);
  if (!verdict) return number(value);
  const { word } = verdict;
  return [number(value), " ", h(`span.verdict.${word}`, t(`quality.verdict.${word}`)), limit(verdict)];
}

/** @param {{limit: number}} verdict */
const limit = (verdict) => verdict.limit > 0 && h("small", t("quality.limit", { limit: number(verdict.limit) }));
