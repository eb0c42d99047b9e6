// @ts-check
/* The labels of a projection with their symbols and counts. A click hides or shows a label. */

import { h, refill } from "../core/dom.js";
import { integer, t } from "../core/text.js";
import { labelOf } from "../session/cases.js";
import { symbol } from "./scatter.js";

/** @import { Projection } from "../api.js" */

/**
 * The number of points with each label, in the order of the labels; -1 stands for no label.
 * @param {Pick<Projection, "labels" | "points">} projection
 * @returns {[label: number, count: number][]}
 */
export function countLabels({ labels, points }) {
  const counts = new Map([...labels.keys(), -1].map((label) => [label, 0]));
  for (const label of points.label) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].filter(([, count]) => count);
}

/** @param {() => void} onChange */
export function createLegend(onChange) {
  const element = h("div.legend", { role: "group", "aria-label": t("projection.legend") });
  /** @type {Set<number>} */
  const hidden = new Set();
  /** @type {Projection | null} */
  let projection = null;
  let placed = false;

  function draw() {
    if (!projection) return;
    const { labels } = projection;
    const entries = countLabels(projection).map(([label, count]) => entry(label, labels[label], count));
    refill(element, placed && h("span", symbol("own"), t("case.own")), entries);
  }

  /** @param {number} index @param {string | undefined} label @param {number} count */
  function entry(index, label, count) {
    const shown = String(!hidden.has(index));
    const properties = { key: `label ${index}`, "aria-pressed": shown, title: t("projection.switch") };
    const onclick = () => toggle(index);
    return h("button.ghost", { ...properties, onclick }, symbol(index), `${labelOf({ label })} · ${integer(count)}`);
  }

  /** @param {number} index */
  function toggle(index) {
    if (!hidden.delete(index)) hidden.add(index);
    draw();
    onChange();
  }

  return {
    element,
    /** Indexes of the hidden labels; -1 for no label. */
    hidden,
    /** @param {Projection} found @param {boolean} [own] whether the image has a position */
    show(found, own = false) {
      if (found !== projection) hidden.clear();
      projection = found;
      placed = own;
      draw();
    },
  };
}
