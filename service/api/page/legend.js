/* The labels of a map with their signs and how many there are of each, to be switched off and on. */

import { labelOf } from "./case.js";
import { h, refill } from "./dom.js";
import { sign } from "./scatter.js";
import { integer, t } from "./words.js";

/** Returns {element, off, show(map, placed)}; off: indexes of the labels that are switched off, -1 for none. */
export function createLegend(changed) {
  const element = h("div.legend", { role: "group", "aria-label": t("atlas.legend") });
  const off = new Set();
  let [map, placed] = [null, false];

  function draw() {
    const counts = new Map([...map.labels.keys(), -1].map((kind) => [kind, 0]));
    for (const kind of map.points.label) counts.set(kind, counts.get(kind) + 1);
    const some = [...counts].filter(([, count]) => count);
    refill(element, placed && h("span", sign("own"), t("case.own")), some.map(entry));
  }

  const entry = ([kind, count]) =>
    h(
      "button.ghost",
      { key: `label ${kind}`, "aria-pressed": String(!off.has(kind)), title: t("atlas.switch"), onclick: () => toggle(kind) },
      sign(kind),
      `${labelOf({ label: map.labels[kind] })} · ${integer(count)}`,
    );

  function toggle(kind) {
    if (!off.delete(kind)) off.add(kind);
    draw();
    changed();
  }

  function show(found, own = false) {
    if (found !== map) off.clear();
    [map, placed] = [found, own];
    draw();
  }

  return { element, off, show };
}
