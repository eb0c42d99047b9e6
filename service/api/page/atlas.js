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

const methodOf = (kind) => kind.split("-")[0];
const titleOf = (kind) => t("atlas.kind", { method: TITLES[methodOf(kind)], count: kind.at(-2) });

/** Draw the maps of a store's collection into an element, and its image on them. open: of case.js. */
export function createAtlas(store, element, open, say) {
  const kept = new Map(); // item, path and age -> answer
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

  function clear() {
    inquiry.stop();
    for (const part of [plotted, maker]) part.hidden = true;
    for (const part of [chooser, facts]) refill(part);
  }

  /** Which maps there are, and whether one is being made. */
  function ask() {
    const { panel, collection } = store.state;
    clear();
    if (panel !== element.id || !collection) return;
    inquiry.ask(
      (signal) => Promise.all([get(path(), signal), get("jobs", signal)]),
      ([{ projections: maps }, { jobs }]) => {
        const mine = (one) => one.kind === "projection" && one.collection === collection.name && underWay(one);
        const job = jobs.find(mine);
        const found = maps.find(({ map }) => map === wanted) ?? maps[0];
        if (job) return follow(job);
        kind = KINDS.find((one) => maps.every(({ map }) => map !== one)) ?? KINDS[0];
        drawMaker(Boolean(found));
        if (!found) return refill(facts, h("p", t("atlas.none")));
        refill(chooser, chosen(maps, found));
        return load(found);
      },
    );
  }

  function chosen(maps, found) {
    const names = maps.map(({ map }) => map);
    const taken = (map) => {
      wanted = map;
      ask();
    };
    const label = h("label", { htmlFor: "map" }, t("atlas.map"));
    return h("div.row", label, choice("map", names, found.map, titleOf, taken), plot.zoom);
  }

  function load({ map, created, outdated }) {
    const { collection } = store.state;
    inquiry.ask(
      (signal) => once(`map ${path()} ${map} ${created} ${outdated}`, () => get(`${path()}/${map}`, signal)),
      (found) => {
        plotted.hidden = false;
        plot.show(found, collection);
        place(found);
      },
    );
  }

  function place(found) {
    const { current, collection } = store.state;
    const tell = (...more) => refill(facts, more, factsOf(found));
    const asked = `${path()}/${found.map}/place`;
    if (!current) return tell(h("p.hint", t("atlas.idle")));
    tell();
    return inquiry.ask(
      (signal) => once(`${current.id} ${asked} ${found.created}`, async () => JSON.parse((await post(asked, current.blob, { signal })).text)),
      ({ placed }) => {
        if (!placed) return tell(h("p", t("atlas.refused")));
        plot.place(placed.coordinates, placed.nearest);
        say(t("atlas.placed", { labels: placed.nearest.map(labelOf).join(", ") }));
        return tell(nearestOf(placed.nearest, collection));
      },
    );
  }

  function nearestOf(nearest, collection) {
    const told = ({ distance }) => [["atlas.distance", number(distance)]];
    const entry = (one, rank) =>
      thumb(one, collection, number(one.distance), {
        onfocus: () => plot.point(one.id),
        onpointerenter: () => plot.point(one.id),
        onclick: () => open(nearest, rank, collection, told),
      });
    return h("section", h("h3", t("atlas.nearest")), h("ol.cases", { "aria-label": t("atlas.nearest") }, nearest.map(entry)));
  }

  const factsOf = ({ map, method, quality, images, outdated, notice }) => [
    outdated && h("div.callout.warn", h("p", t("atlas.outdated")), button("atlas.renew", () => make(map))),
    h("p", t("atlas.reading")),
    h("p.hint", t(`atlas.meaning.${method}`), " ", figures(method, quality), " ", t("atlas.images", { count: integer(images) })),
    h("p.hint", notice),
  ];

  function drawMaker(some) {
    const taken = (chosenKind) => {
      kind = chosenKind;
      drawMaker(some);
    };
    const controls = [
      h("div.row", h("label", { htmlFor: "kind" }, t("atlas.way")), choice("kind", KINDS, kind, titleOf, taken)),
      button("atlas.make", () => make(kind), { class: some ? "button" : "button primary" }),
    ];
    const folded = () => h("details", { open: maker.contains(document.activeElement) }, h("summary", t("atlas.another")), controls);
    refill(maker, some ? folded() : controls);
    maker.hidden = false;
  }

  function make(name) {
    const question = new URLSearchParams({ method: methodOf(name), dimensions: name.at(-2) });
    inquiry.ask(
      (signal) => post(`${path()}?${question}`, null, { signal }),
      ({ text }) => follow(JSON.parse(text)),
    );
  }

  /** Wait for a map that is being made, and show it. */
  function follow(job) {
    clear();
    inquiry.ask(
      (signal, show) => finished(job, signal, show),
      (ended) => {
        if (ended.state === "failed") return inquiry.wrong(Problem.of(ended.error), ask);
        if (ended.state === "done") wanted = ended.result.split("/").pop();
        else say(t("atlas.cancelled"), true);
        return ask();
      },
    );
  }

  store.on(["items"], ({ items }) => {
    const there = new Set(["map", ...items.map(({ id }) => String(id))]);
    for (const key of kept.keys()) if (!there.has(key.split(" ")[0])) kept.delete(key);
  });
  store.on(["panel", "current", "collection"], ask);
}

function figures(method, { explained_variance: shares, ...values }) {
  if (method !== "pca") return Object.entries(values).map(([name, value]) => t(`atlas.figures.${name}`, { value: number(value) })).join(" ");
  const share = percent(shares.reduce((sum, one) => sum + one, 0));
  return t("atlas.figures.pca", { share, each: shares.map(percent).join(", ") });
}
