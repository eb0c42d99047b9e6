// @ts-check
/* The position of an image in a projection of its collection, and the computation of projections. */

import { h, refill } from "../core/dom.js";
import { button, select } from "../core/fields.js";
import { get, Problem, post } from "../core/http.js";
import { integer, number, percent, t } from "../core/text.js";
import { createPlot } from "../plot/plot.js";
import { prune } from "../session/answers.js";
import { labelOf, tile } from "../session/cases.js";
import { isUnfinished, whenEnded } from "./job.js";
import { createRequest } from "./request.js";

/** @import { Collection, Job, NearPoint, PlaceAnswer, Projection, ProjectionLine } from "../api.js" */
/** @import { Announce, Case, Children, Fact, OpenCase, OpenImage, PageStore } from "../types.js" */

/** @type {Record<string, string>} */
const TITLES = { tsne: "t-SNE", umap: "UMAP", pca: "PCA" };
const NAMES = ["tsne-2d", "tsne-3d", "umap-2d", "umap-3d", "pca-2d", "pca-3d"];

/** @param {string} name of a projection @returns {{method: string, dimensions: string}} */
function partsOf(name) {
  const [method, dimensions] = name.split("-");
  return { method, dimensions: dimensions[0] };
}

/** @param {string} name of a projection */
function titleOf(name) {
  const { method, dimensions } = partsOf(name);
  return t("projection.kind", { method: TITLES[method], count: dimensions });
}

/**
 * Draw the projections of a store's collection into an element, with the position of its image.
 * @param {PageStore} store
 * @param {HTMLElement} element
 * @param {OpenCase} openCase
 * @param {Announce} announce
 */
export function createProjection(store, element, openCase, announce) {
  /** @type {Map<string, unknown>} */
  const cache = new Map(); // image id or "projection", path and age -> answer
  const [status, chooser, facts, maker, plotted] = [h("div"), h("div"), h("div.found"), h("div"), h("div")];
  const request = createRequest(status);
  const plot = createPlot(plotted, announce, openPoint);
  let wanted = NAMES[0]; // the projection to show
  let next = NAMES[0]; // the projection to compute
  element.append(h("h2", t("projection.title")), chooser, status, plotted, facts, maker);

  /** @param {Collection} collection */
  const pathOf = ({ name }) => `collections/${encodeURIComponent(name)}/projection`;

  /** @param {Case} one */
  function openPoint(one) {
    const { collection } = store.state;
    if (collection) openCase([one], 0, collection, () => []);
  }

  /**
   * @template T
   * @param {string} key
   * @param {() => Promise<T>} attempt
   * @returns {Promise<T>}
   */
  async function once(key, attempt) {
    if (!cache.has(key)) cache.set(key, await attempt());
    return /** @type {T} */ (cache.get(key));
  }

  function clear() {
    request.stop();
    for (const part of [plotted, maker]) part.hidden = true;
    for (const part of [chooser, facts]) refill(part);
  }

  /** Read which projections there are, and whether one is being computed. */
  function update() {
    const { panel, collection } = store.state;
    clear();
    if (panel !== element.id || !collection) return;
    request.send(
      (signal) => Promise.all([get(pathOf(collection), signal), get("jobs", signal)]),
      ([{ projections }, { jobs }]) => list(collection, projections, jobs),
    );
  }

  /** @param {Collection} collection @param {ProjectionLine[]} projections @param {Job[]} jobs */
  function list(collection, projections, jobs) {
    const isOwn = (/** @type {Job} */ job) => job.kind === "projection" && job.collection === collection.name;
    const job = jobs.find((one) => isOwn(one) && isUnfinished(one));
    if (job) return follow(job);
    const names = projections.map(({ projection }) => projection);
    const found = projections.find(({ projection }) => projection === wanted) ?? projections[0];
    next = NAMES.find((name) => !names.includes(name)) ?? NAMES[0];
    drawMaker(collection, Boolean(found));
    if (!found) return refill(facts, h("p", t("projection.none")));
    const field = select("projection", names, found.projection, titleOf, (name) => {
      wanted = name;
      update();
    });
    const label = h("label", { htmlFor: "projection" }, t("projection.label"));
    refill(chooser, h("div.row", label, field, plot.zoom));
    return load(collection, found);
  }

  /** @param {Collection} collection @param {ProjectionLine} line */
  function load(collection, { projection: name, created, outdated }) {
    const path = `${pathOf(collection)}/${name}`;
    request.send(
      (signal) => once(`projection ${path} ${created} ${outdated}`, () => get(path, signal)),
      (/** @type {Projection} */ projection) => {
        plotted.hidden = false;
        plot.show(projection, collection);
        place(collection, projection);
      },
    );
  }

  /** @param {Collection} collection @param {Projection} projection */
  function place(collection, projection) {
    const { current } = store.state;
    const fill = (/** @type {Children[]} */ ...more) => refill(facts, ...more, ...factsOf(collection, projection));
    if (!current) return fill(h("p.hint", t("projection.idle")));
    fill();
    return request.send(
      (signal) => fetchPlace(current, `${pathOf(collection)}/${projection.projection}/place`, projection, signal),
      ({ placement }) => {
        if (!placement) return fill(h("p", t("projection.refused")));
        const { coordinates, nearest } = placement;
        plot.place(coordinates, nearest);
        announce(t("projection.placed", { labels: nearest.map(labelOf).join(", ") }));
        return fill(nearestOf(nearest, collection));
      },
    );
  }

  /** @param {OpenImage} item @param {string} path @param {Projection} projection @param {AbortSignal} signal */
  const fetchPlace = (item, path, { created }, signal) =>
    once(`${item.id} ${path} ${created}`, async () => {
      const { text } = await post(path, item.blob, { signal });
      return /** @type {PlaceAnswer} */ (JSON.parse(text));
    });

  /** @param {NearPoint[]} nearest @param {Collection} collection */
  function nearestOf(nearest, collection) {
    /** @param {NearPoint} one @returns {Fact[]} */
    const distance = (one) => [["projection.distance", number(one.distance)]];
    const tiles = nearest.map((one, rank) => {
      const point = () => plot.point(one.id);
      const onclick = () => openCase(nearest, rank, collection, distance);
      return tile(one, collection, number(one.distance), { onfocus: point, onpointerenter: point, onclick });
    });
    const title = t("projection.nearest");
    return h("section", h("h3", title), h("ol.cases", { "aria-label": title }, tiles));
  }

  /** @param {Collection} collection @param {Projection} projection @returns {Children[]} */
  const factsOf = (collection, { projection: name, method, quality, images, outdated, notice }) => {
    const rebuild = () => compute(collection, name);
    const count = t("projection.images", { count: integer(images) });
    const text = `${t(`projection.interpretation.${method}`)} ${figuresText(method, quality)} ${count}`;
    return [
      outdated && h("div.callout.warn", h("p", t("projection.outdated")), button("projection.rebuild", rebuild)),
      h("p", t("projection.reading")),
      h("p.hint", text),
      h("p.hint", notice),
    ];
  };

  /** @param {Collection} collection @param {boolean} some whether there is a projection already */
  function drawMaker(collection, some) {
    const field = select("new-projection", NAMES, next, titleOf, (name) => {
      next = name;
    });
    const primary = { class: some ? "button" : "button primary" };
    const controls = [
      h("div.row", h("label", { htmlFor: "new-projection" }, t("projection.method")), field),
      button("projection.compute", () => compute(collection, next), primary),
    ];
    refill(maker, some ? h("details", h("summary", t("projection.another")), controls) : controls);
    maker.hidden = false;
  }

  /** @param {Collection} collection @param {string} name */
  function compute(collection, name) {
    const query = new URLSearchParams(partsOf(name));
    request.send(
      (signal) => post(`${pathOf(collection)}?${query}`, null, { signal }),
      ({ text }) => follow(JSON.parse(text)),
    );
  }

  /**
   * Wait until a projection is computed, and show it.
   * @param {Job} job
   */
  function follow(job) {
    clear();
    request.send(
      (signal, show) => whenEnded(job, signal, show),
      ({ state, error, result }) => {
        if (state === "failed" && error) return request.fail(Problem.from(error), update);
        if (state === "done") wanted = result?.split("/").pop() ?? wanted;
        else announce(t("projection.cancelled"), true);
        return update();
      },
    );
  }

  store.on(["items"], ({ items }) => prune(cache, items, "projection"));
  store.on(["panel", "current", "collection"], update);
}

/**
 * What the method says of its own result.
 * @param {string} method
 * @param {ProjectionLine["quality"]} quality
 */
function figuresText(method, { explained_variance: shares = [], ...values }) {
  if (method !== "pca") {
    const text = (/** @type {[string, number]} */ [name, value]) =>
      t(`projection.figures.${name}`, { value: number(value) });
    return Object.entries(values).map(text).join(" ");
  }
  const share = percent(shares.reduce((sum, one) => sum + one, 0));
  return t("projection.figures.pca", { share, each: shares.map(percent).join(", ") });
}
