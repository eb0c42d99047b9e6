// @ts-check
/* The cases of a collection that are most similar to the image that is shown, and a count of their labels. */

import { h, refill } from "../core/dom.js";
import { select } from "../core/fields.js";
import { post } from "../core/http.js";
import { number, t } from "../core/text.js";
import { prune } from "../session/answers.js";
import { labelOf, tile } from "../session/cases.js";
import { createRequest } from "./request.js";

/** @import { Collection, Neighbor, NeighborsAnswer } from "../api.js" */
/** @import { Fact, OpenCase, OpenImage, PageStore, State } from "../types.js" */

/** @typedef {State["neighbors"]} Options */

const COUNTS = [4, 8, 16, 32];
const METRICS = ["cosine", "l2"];

/**
 * Draw the cases near a store's image into an element.
 * @param {PageStore} store
 * @param {HTMLElement} element
 * @param {OpenCase} openCase
 */
export function createSimilar(store, element, openCase) {
  /** @type {Map<string, NeighborsAnswer>} */
  const cache = new Map(); // image id, size of the collection and path -> answer
  const [controls, status, results] = [h("div"), h("div"), h("div.found")];
  const request = createRequest(status);
  element.append(h("h2", t("similar.title")), controls, status, results, h("p.hint", t("similar.reading")));

  /** @param {State} state */
  function update({ panel, current, collection, neighbors }) {
    request.stop();
    if (panel !== element.id) return;
    refill(results, !current && h("p.hint", t("similar.idle")));
    if (!current || !collection) return;
    request.send(
      (signal) =>
        Promise.all(pathsOf(collection, neighbors).map((path) => fetchOnce(current, path, collection, signal))),
      (answers) => refill(results, contentOf(answers, collection)),
    );
  }

  /** @param {OpenImage} item @param {string} path @param {Collection} collection @param {AbortSignal} signal */
  async function fetchOnce(item, path, { count }, signal) {
    const key = `${item.id} ${count} ${path}`;
    const known = cache.get(key);
    if (known) return known;
    /** @type {NeighborsAnswer} */
    const answer = JSON.parse((await post(path, item.blob, { signal })).text);
    cache.set(key, answer);
    return answer;
  }

  /** @param {NeighborsAnswer[]} answers by features, and by pixels if requested @param {Collection} collection */
  function contentOf([features, pixels], collection) {
    if (features.status !== "ok") return h("p", t("refused.title"));
    return [
      group(features, "similar.features", collection, Boolean(pixels)),
      pixels && group(pixels, "similar.pixels", collection, true),
      !features.exact && h("p.hint", t("similar.approximate")),
    ];
  }

  /** @param {NeighborsAnswer} answer @param {string} key @param {Collection} collection @param {boolean} titled */
  function group({ neighbors, votes }, key, collection, titled) {
    /** @param {Neighbor} one @param {number} place @returns {Fact[]} */
    const facts = ({ distance }, place) => [
      ["case.rank", t("case.rank.value", { rank: place + 1, how: t(key) })],
      ["case.distance", number(distance)],
    ];
    const tiles = neighbors.map((one, place) => {
      const onclick = () => openCase(neighbors, place, collection, facts);
      return tile(one, collection, number(one.distance), { onclick });
    });
    const list = h("ol.cases", { "aria-label": t(key) }, tiles);
    return h("section", titled && h("h3", t(key)), tally(votes, neighbors.length), list);
  }

  store.on(["neighbors"], ({ neighbors }) =>
    refill(
      controls,
      fields(neighbors, (patch) => store.update("neighbors", patch)),
    ),
  );
  store.on(["items"], ({ items }) => prune(cache, items));
  store.on(["panel", "current", "collection", "neighbors"], update);
}

/** @param {Collection} collection @param {Options} options */
function pathsOf({ name }, { k, metric, pixels }) {
  const spaces = pixels ? ["features", "pixels"] : ["features"];
  return spaces.map((space) => {
    const query = new URLSearchParams({ k: String(k), metric, space });
    return `collections/${encodeURIComponent(name)}/neighbors?${query}`;
  });
}

/**
 * How many of the neighbours have each label.
 * @param {Record<string, number>} votes
 * @param {number} count
 */
function tally(votes, count) {
  const rows = Object.entries(votes).map(([label, times]) => {
    const bar = h("span.bar", { "aria-hidden": "true" });
    bar.style.setProperty("--share", String(times / count));
    const share = h("span.class-share", t("similar.votes", { times, count }));
    return h("li.class", h("span", labelOf({ label })), share, bar);
  });
  return h("ul", { "aria-label": t("similar.tally") }, rows);
}

/** @param {Options} options @param {(patch: Partial<Options>) => void} change */
function fields({ k, metric, pixels }, change) {
  const box = h("input", { type: "checkbox", checked: pixels, key: "pixels" });
  box.addEventListener("change", () => change({ pixels: box.checked }));
  const label = (/** @type {string} */ id) => h("label.quiet", { htmlFor: id }, t(`similar.${id}`));
  const count = select("count", COUNTS, k, String, (value) => change({ k: Number(value) }));
  const metricText = (/** @type {string} */ value) => t(`similar.metric.${value}`);
  const distance = select("metric", METRICS, metric, metricText, (value) => change({ metric: value }));
  return [h("div.row", label("count"), count, label("metric"), distance), h("label.row", box, t("similar.compare"))];
}
