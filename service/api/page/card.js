/* The model in full: its card, its facts, its layers, and what its first layer looks for. */

import { coded, h, refill } from "./dom.js";
import { cardValue, digest, factList, spaced } from "./facts.js";
import { tip } from "./tips.js";
import { address } from "./wire.js";
import { number, percent, readable, t } from "./words.js";

const LABELS_SHOWN = 12;

export function createCard(store, element) {
  store.on(["details"], ({ details }) => refill(element, details ? sections(details) : []));
}

function sections(details) {
  return [
    h("h2", details.name, " ", h("span.quiet", details.version ?? "")),
    details.problem && h("div.callout.bad", h("strong", t("card.problem")), h("p", details.problem)),
    details.card ? cardOf(details.card) : h("p.hint", t("card.none")),
    details.state === "ready" && filtersOf(details),
    h("h3", t("card.facts")),
    factsOf(details),
    details.sanity && sanityOf(details.sanity),
    details.layers && layersOf(details),
    details.methods && refusedMethods(details.methods),
  ].flat();
}

function cardOf(card) {
  const prose = (key, extra = "") => card[key] && h("section", { class: `prose ${extra}` }, h("h3", t(`card.${key}`)), h("p", coded(card[key])));
  return [
    card.notice && h("p.callout.warn", card.notice),
    prose("intended_use"),
    prose("do_not_use", "do-not"),
    prose("training_data"),
    figuresOf(card.figures),
    prose("licence"),
    factList([["card.authors", card.authors.join(", ")], ["card.references", card.references.length ? h("ul", card.references.map((text) => h("li", reference(text)))) : ""]]),
  ];
}

function figuresOf(figures) {
  const rows = Object.entries(figures);
  if (!rows.length) return null;
  const lines = rows.map(([name, value]) => h("tr", h("th", { scope: "row" }, spaced(name)), h("td", cardValue(value))));
  return h("section", h("h3", t("card.figures"), tip("card.figures.tip")), h("table.figures", h("tbody", lines)));
}

const reference = (text) => (/^https:\/\/\S+$/.test(text) ? h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text) : text);

function factsOf(details) {
  const shown = details.labels.slice(0, LABELS_SHOWN).map(readable).join(", ");
  const more = details.labels.length - LABELS_SHOWN;
  return factList([
    ["card.architecture", details.architecture],
    ["card.labels", more > 0 ? t("card.labels.more", { labels: shown, count: more }) : shown],
    ["card.activation", details.activation],
    ["card.operating", details.operating_point === null ? "" : percent(details.operating_point)],
    ["details.engine", details.engine && t("details.engine.value", details.engine)],
    ["card.parity", details.engine?.parity && t("card.parity.value", parityOf(details.engine.parity))],
    ["card.embedding", details.embedding && t("card.embedding.value", details.embedding)],
    ["card.weights", digest(details.weights_sha256)],
  ]);
}

const parityOf = ({ images, probability }) => ({ images, probability: probability < 1e-6 ? "0.000001" : probability.toPrecision(1) });

function filtersOf({ name }) {
  const src = address(`models/${encodeURIComponent(name)}/filters`);
  const picture = h("img.filters", { loading: "lazy", width: 400, height: 400, alt: t("filters.alt", { model: name }), src }); // once in sight
  const section = h("section", h("h3", t("filters.title"), tip("filters.tip")), picture);
  picture.addEventListener("error", () => section.remove()); // a network without a convolution
  return section;
}

/** Whether each method's maps change once the weights are shuffled: rank correlation with the whole model's. */
function sanityOf({ steps, changed, images }) {
  const last = steps.at(-1)?.similarity ?? {};
  const lines = Object.keys(changed).map((name) =>
    h("tr", h("th", { scope: "row" }, name), h("td", changed[name] ? t("sanity.changed") : h("strong", t("sanity.kept"))), h("td", number(last[name]))),
  );
  const head = h("thead", h("tr", ["sanity.method", "sanity.verdict", "sanity.likeness"].map((key) => h("th", { scope: "col" }, t(key)))));
  return h("details", h("summary", t("sanity.title")), h("p.hint", t("sanity.tip", { count: images })), h("table.figures", head, h("tbody", lines)));
}

function layersOf({ layers, default_layer: preset }) {
  const lines = layers.map(({ name, shape }) =>
    h("tr", { class: name === preset ? "chosen" : "" }, h("th", { scope: "row" }, name), h("td", shape.join(" × "))),
  );
  const head = h("thead", h("tr", h("th", { scope: "col" }, t("card.layers.name")), h("th", { scope: "col" }, t("card.layers.shape"))));
  return h("details", h("summary", t("card.layers")), h("table.figures", head, h("tbody", lines)));
}

function refusedMethods(methods) {
  const not = methods.filter(({ applies }) => !applies);
  return not.length > 0 && h("details", h("summary", t("card.not")), h("dl.facts.tall", not.flatMap(({ name, reason }) => [h("dt", name), h("dd", reason)])));
}
