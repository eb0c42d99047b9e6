/* Where an image lies on a map of its collection, and how such a map is made. */

import { labelOf, thumb } from "./case.js";
import { h, refill } from "./dom.js";
import { button, choice } from "./fields.js";
import { createInquiry } from "./inquiry.js";
import { finished, underWay } from "./jobs.js";
import { createPlot } from "./plot.js";
import { get, post, Problem } from "./wire.js";
import { integer, number, percent, t } from "./words.js";

const TITLES = { tsne: "t-SNE", umap: "UMAP", pca: "PCA" };
const KINDS = ["tsne-2d", "tsne-3d", "umap-2d", "umap-3d", "pca-2d", "pca-3d"]; // as maps are called

const titleOf = (kind) => t("atlas.kind", { method: TITLES[kind.split("-")[0]], count: kind.at(-2) });

/** Draw the maps of a store's collection into an element, and its image on them. open: of case.js. */
export function createAtlas(store, element, open, say) {
  const kept = new Map(); // path, age and item -> answer
  const [status, chooser, facts, maker, plotted] = [h("div"), h("div"), h("div.found"), h("div"), h("div")];
  const inquiry = createInquiry(status);
  const plot = createPlot(plotted, say, (point) => open([point], 0, store.state.collection, () => []));
  let [wanted, kind] = [KINDS[0], KINDS[0]]; // the map to show, and the one to make
  element.append(h("h2", t("atlas.title")), chooser, status, plotted, facts, maker);

  const path = () => `collections/${encodeURIComponent(store.state.collection.name)}/projection`;

  async function once(key, attempt) {
    if (!kept.has(key)) kept.set(key, await attempt());
    return kept.get(key);
  }

  /** Which maps there are, and whether one is being made. */
  function ask({ panel, collection }) {
    inquiry.stop();
    for (const part of [plotted, maker]) part.hidden = true;
    refill(chooser);
    refill(facts);
    if (panel !== element.id || !collection) return;
    inquiry.ask(
      async (signal) => [(await get(path(), signal)).projections, (await get("jobs", signal)).jobs],
      ([maps, jobs]) => {
        const job = jobs.find((one) => one.kind === "projection" && one.collection === collection.name && underWay(one));
        const found = maps.find(({ map }) => map === wanted) ?? maps[0];
        drawMaker(maps.length > 0);
        if (maps.length) refill(chooser, h("div.row", h("label", { htmlFor: "map" }, t("atlas.map")), choice("map", maps.map(({ map }) => map), found.map, titleOf, (map) => ask(store.state, (wanted = map)))));
        if (job) follow(job);
        else if (found) load(found);
        else refill(facts, h("p", t("atlas.none")));
      },
    );
  }

  function load({ map, created }) {
    const { collection } = store.state;
    inquiry.ask(
      (signal) => once(`${path()} ${map} ${created}`, () => get(`${path()}/${map}`, signal)),
      (found) => {
        plotted.hidden = false;
        plot.show(found, collection);
        refill(facts, factsOf(found));
        place(found);
      },
    );
  }

  function place(found) {
    const { current, collection } = store.state;
    if (!current) return refill(facts, h("p.hint", t("atlas.idle")), factsOf(found));
    const asked = `${path()}/${found.map}/place`;
    return inquiry.ask(
      (signal) => once(`${current.id} ${asked} ${found.created}`, async () => JSON.parse((await post(asked, current.blob, { signal })).text)),
      ({ placed }) => {
        if (!placed) return refill(facts, h("p", t("refused.title")), factsOf(found));
        plot.place(placed.coordinates, placed.nearest.map(({ id }) => id));
        return refill(facts, nearestOf(placed.nearest, collection), factsOf(found));
      },
    );
  }

  function nearestOf(nearest, collection) {
    const told = ({ distance }) => [["atlas.distance", number(distance)]];
    const entry = (one, place) => thumb(one, collection, number(one.distance), { onfocus: () => plot.point(one.id), onclick: () => open(nearest, place, collection, told) });
    return h("section", h("h3", t("atlas.nearest")), h("ol.cases", nearest.map(entry)));
  }

  const factsOf = ({ method, quality, images, outdated, notice }) => [
    outdated && h("p.callout.warn", t("atlas.outdated")),
    h("p.hint", t("atlas.images", { count: integer(images) }), " ", figures(method, quality), " ", t(`atlas.meaning.${method}`)),
    h("p.hint", notice),
  ];

  function drawMaker(some) {
    const make = () => inquiry.ask((signal) => post(`${path()}?${new URLSearchParams({ method: kind.split("-")[0], dimensions: kind.at(-2) })}`, null, { signal }), ({ text }) => follow(JSON.parse(text)));
    const controls = h("div.row", choice("kind", KINDS, kind, titleOf, (chosen) => drawMaker(some, (kind = chosen))), button("atlas.make", make, { textContent: t("atlas.make", { kind: TITLES[kind.split("-")[0]] }) }));
    refill(maker, some ? h("details", { open: maker.contains(document.activeElement) }, h("summary", t("atlas.another")), controls) : controls);
    maker.hidden = false;
  }

  function follow(job) {
    for (const part of [maker, plotted]) part.hidden = true;
    wanted = job.result?.split("/").pop() ?? wanted;
    inquiry.ask(
      (signal, show) => finished(job, signal, show),
      (ended) => {
        if (ended.state === "done") wanted = ended.result.split("/").pop();
        ask(store.state);
        if (ended.state === "failed") inquiry.wrong(Problem.of(ended.error), () => ask(store.state));
        else if (ended.state !== "done") say(t("atlas.cancelled"), true);
      },
    );
  }

  store.on(["panel", "current", "collection"], ask);
}

function figures(method, { explained_variance: shares, ...values }) {
  if (method === "pca") return t("atlas.figures.pca", { share: percent(shares.reduce((sum, share) => sum + share, 0)), each: shares.map(percent).join(", ") });
  return Object.entries(values).map(([name, value]) => t(`atlas.figures.${name}`, { value: number(value) })).join(" ");
}
