/* Cases of a collection that the network finds most like the image that is looked at, and what their labels say. */

import { labelOf, thumb } from "./case.js";
import { h, refill } from "./dom.js";
import { choice } from "./fields.js";
import { createInquiry } from "./inquiry.js";
import { post } from "./wire.js";
import { number, t } from "./words.js";

const COUNTS = [4, 8, 16, 32];
const METRICS = ["cosine", "l2"];

/** Draw what is near to a store's image in its collection into an element. open: of case.js. */
export function createSimilar(store, element, open) {
  const kept = new Map(); // item id, weights and path -> answer
  const [controls, status, results] = [h("div"), h("div"), h("div.found")];
  const inquiry = createInquiry(status);
  element.append(h("h2", t("similar.title")), controls, status, results, h("p.hint", t("similar.reading")));

  function ask({ panel, current, collection, near: { k, metric, pixels } }) {
    inquiry.stop();
    if (panel !== element.id) return;
    refill(results, !current && h("p.hint", t("similar.idle")));
    if (!current || !collection) return;
    const paths = ["features", ...(pixels ? ["pixels"] : [])].map((space) => `collections/${encodeURIComponent(collection.name)}/neighbors?${new URLSearchParams({ k, metric, space })}`);
    inquiry.ask(
      (signal) => Promise.all(paths.map((path) => asked(current, path, collection, signal))),
      (answers) => refill(results, drawn(answers, collection)),
    );
  }

  async function asked(item, path, { count }, signal) {
    const key = `${item.id} ${count} ${path}`;
    if (!kept.has(key)) kept.set(key, JSON.parse((await post(path, item.blob, { signal })).text));
    return kept.get(key);
  }

  function drawn([features, pixels], collection) {
    if (features.status !== "ok") return h("p", t("refused.title"));
    return [
      group(features, "similar.features", collection, Boolean(pixels)),
      pixels && group(pixels, "similar.pixels", collection, true),
      !features.exact && h("p.hint", t("similar.approximate")),
    ];
  }

  function group({ neighbors, votes }, key, collection, named) {
    const told = ({ distance }, place) => [["case.rank", t("case.rank.value", { rank: place + 1, how: t(key) })], ["case.distance", number(distance)]];
    const entry = (one, place) => thumb(one, collection, number(one.distance), { onclick: () => open(neighbors, place, collection, told) });
    return h("section", named && h("h3", t(key)), tally(votes, neighbors.length), h("ol.cases", { "aria-label": t(key) }, neighbors.map(entry)));
  }

  store.on(["near"], ({ near }) => refill(controls, fields(near, (patch) => store.update("near", patch))));
  store.on(["items"], ({ items }) => {
    const there = new Set(items.map(({ id }) => String(id)));
    for (const key of kept.keys()) if (!there.has(key.split(" ")[0])) kept.delete(key);
  });
  store.on(["panel", "current", "collection", "near"], ask);
}

/** How many of the neighbours have each label. */
function tally(votes, count) {
  const rows = Object.entries(votes).map(([label, times]) => {
    const bar = h("span.bar", { "aria-hidden": "true" });
    bar.style.setProperty("--share", times / count);
    return h("li.class", h("span", labelOf({ label })), h("span.class-share", t("similar.votes", { times, count })), bar);
  });
  return h("ul", { "aria-label": t("similar.tally") }, rows);
}

const named = (id, ...rest) => [h("label.quiet", { htmlFor: id }, t(`similar.${id}`)), choice(id, ...rest)];

function fields({ k, metric, pixels }, change) {
  const box = h("input", { type: "checkbox", checked: pixels, key: "pixels", onchange: () => change({ pixels: box.checked }) });
  return [
    h("div.row", named("count", COUNTS, k, String, (value) => change({ k: Number(value) })), named("metric", METRICS, metric, (value) => t(`similar.metric.${value}`), (value) => change({ metric: value }))),
    h("label.row", box, t("similar.compare")),
  ];
}
