// @ts-check
/* The chosen model: its card, its facts, its layers, and the filters of its first layer. */

import { h, refill, withCode } from "../core/dom.js";
import { digest, factList, figure } from "../core/facts.js";
import { address } from "../core/http.js";
import { number, percent, readable, t } from "../core/text.js";
import { tooltip } from "../core/tooltip.js";
import { isSelectable } from "../session/models.js";

/** @import { Card, Layer, MethodState, ModelDetails, ModelLine, Parity, Sanity } from "../api.js" */
/** @import { Child, PageStore } from "../types.js" */

const LABELS_SHOWN = 12;

/** @param {PageStore} store @param {HTMLElement} element */
export function createCard(store, element) {
  store.on(["details", "models"], ({ details, models }) =>
    refill(element, ...(details ? sections(details) : []), unavailable(models)),
  );
}

/**
 * The models that cannot be chosen, each with the reason and what to do.
 * @param {ModelLine[]} models
 */
function unavailable(models) {
  const facts = models
    .filter((line) => !isSelectable(line))
    .flatMap(({ name, problem }) => [h("dt", name), h("dd", withCode(problem))]);
  return facts.length > 0 && h("section", h("h3", t("model.unavailable.title")), h("dl.facts.tall", facts));
}

/** @param {ModelDetails} details */
function sections(details) {
  return [
    h("h2", details.name, " ", h("span.quiet", details.version ?? "")),
    details.problem && h("div.callout.bad", h("strong", t("card.problem")), h("p", details.problem)),
    details.card ? cardOf(details.card) : h("p.hint", t("card.none")),
    details.state === "ready" && filtersOf(details.name),
    h("h3", t("card.facts")),
    factsOf(details),
    details.sanity && sensitivityOf(details.sanity),
    details.layers && layersOf(details.layers, details.default_layer),
    details.methods && inapplicableOf(details.methods),
  ];
}

/** @param {Card} card @returns {Child[]} */
function cardOf(card) {
  const references = h(
    "ul",
    card.references.map((text) => h("li", referenceOf(text))),
  );
  return [
    card.notice && h("p.callout.warn", card.notice),
    prose("card.intended_use", card.intended_use),
    prose("card.do_not_use", card.do_not_use, "do-not-use"),
    prose("card.training_data", card.training_data),
    figuresOf(card.figures),
    prose("card.licence", card.licence),
    factList([
      ["card.authors", card.authors.join(", ")],
      ["card.references", card.references.length > 0 && references],
    ]),
  ];
}

/** @param {string} key @param {string} text @param {string} [extra] */
const prose = (key, text, extra = "") =>
  text && h("section", { class: `prose ${extra}` }, h("h3", t(key)), h("p", withCode(text)));

/** @param {Card["figures"]} figures */
function figuresOf(figures) {
  const rows = Object.entries(figures).map(([name, value]) =>
    h("tr", h("th", { scope: "row" }, readable(name)), h("td", figure(name, value))),
  );
  if (!rows.length) return null;
  const title = t("card.figures");
  const head = h("h3", title, tooltip(title, t("card.figures.tip")));
  return h("section", head, h("table.figures", h("tbody", rows)));
}

/** @param {string} text */
const referenceOf = (text) =>
  /^https:\/\/\S+$/.test(text) ? h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text) : text;

/** @param {ModelDetails} details */
function factsOf({ architecture, labels, activation, operating_point: point, engine, embedding, ...details }) {
  return factList([
    ["card.architecture", architecture],
    ["card.labels", labelsText(labels)],
    ["card.activation", activation],
    ["card.operating", point === null ? "" : percent(point)],
    ["details.engine", engine && t("details.engine.value", engine)],
    ["card.parity", engine?.parity && parityText(engine.parity)],
    ["card.embedding", embedding && t("card.embedding.value", embedding)],
    ["card.weights", digest(details.weights_sha256)],
  ]);
}

/** @param {string[]} all */
function labelsText(all) {
  const labels = all.slice(0, LABELS_SHOWN).map(readable).join(", ");
  const count = all.length - LABELS_SHOWN;
  return count > 0 ? t("card.labels.more", { labels, count }) : labels;
}

/** @param {Parity} parity */
function parityText({ images, probability }) {
  const difference = probability < 1e-6 ? "0.000001" : probability.toPrecision(1);
  return t("card.parity.value", { images, probability: difference });
}

/** @param {string} model */
function filtersOf(model) {
  const src = address(`models/${encodeURIComponent(model)}/filters`);
  const alt = t("filters.alt", { model });
  const picture = h("img.filters", { loading: "lazy", width: 400, height: 400, alt, src }); // loads once in sight
  const title = t("filters.title");
  const section = h("section", h("h3", title, tooltip(title, t("filters.tip"))), picture);
  picture.addEventListener("error", () => section.remove()); // a network without a convolution
  return section;
}

/** @param {Sanity} sanity */
function sensitivityOf({ steps, changed, images }) {
  const last = steps.at(-1)?.similarity ?? {};
  const rows = Object.entries(changed).map(([name, sensitive]) => {
    const verdict = sensitive ? t("sanity.sensitive") : h("strong", t("sanity.insensitive"));
    return h("tr", h("th", { scope: "row" }, name), h("td", verdict), h("td", number(last[name])));
  });
  const columns = [t("sanity.method"), t("sanity.verdict"), t("sanity.similarity")];
  const explanation = h("p.hint", t("sanity.tip", { count: images }));
  return h("details", h("summary", t("sanity.title")), explanation, table(columns, rows));
}

/** @param {string[]} columns @param {HTMLElement[]} rows */
function table(columns, rows) {
  const head = columns.map((text) => h("th", { scope: "col" }, text));
  return h("table.figures", h("thead", h("tr", head)), h("tbody", rows));
}

/** @param {Layer[]} layers @param {string | null} preset */
function layersOf(layers, preset) {
  const rows = layers.map(({ name, shape }) => {
    const cells = [h("th", { scope: "row" }, name), h("td", shape.join(" × "))];
    return h("tr", { class: name === preset ? "chosen" : "" }, cells);
  });
  return h("details", h("summary", t("card.layers")), table([t("card.layers.name"), t("card.layers.shape")], rows));
}

/** @param {MethodState[]} methods */
function inapplicableOf(methods) {
  const facts = methods
    .filter(({ applies }) => !applies)
    .flatMap(({ name, reason }) => [h("dt", name), h("dd", reason)]);
  return facts.length > 0 && h("details", h("summary", t("card.not")), h("dl.facts.tall", facts));
}
