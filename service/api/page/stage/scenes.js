// @ts-check
/* The views at a moment: the image, each heatmap, or one heatmap enlarged. */

import { clamp } from "../core/camera.js";
import { number, percent, readable, t, wholePercent } from "../core/text.js";
import { peak } from "./heatmap.js";

/** @import { Explanation, Heatmap } from "../api.js" */
/** @import { Answer, HeatmapScene, ImageScene, Scene, State } from "../types.js" */

/** @typedef {Pick<State, "answer" | "current" | "view" | "enlarged" | "methods" | "details">} Shown */

/**
 * The views of a state, in order.
 * @param {Shown} state
 * @returns {Scene[]}
 */
export function scenesOf(state) {
  if (!state.current) return [];
  const heatmaps = heatmapScenes(state);
  const title = t("heatmap.image");
  /** @type {ImageScene} */
  const image = { key: "image", title, first: title, second: "", method: "", map: null };
  if (!heatmaps.length) return [image];
  const enlarged = heatmaps.find((scene) => scene.key === state.enlarged);
  const shown = enlarged ? [enlarged] : heatmaps;
  return state.view.mode === "side" ? [image, ...shown] : shown;
}

/**
 * All heatmaps of the image that is shown: method by method, the most probable class first.
 * @param {Omit<Shown, "enlarged">} state
 * @returns {HeatmapScene[]}
 */
export function heatmapScenes(state) {
  const { answer, current } = state;
  if (!answer || answer.item !== current) return [];
  return answer.explanations.flatMap((explanation) =>
    explanation.maps
      .toSorted((one, other) => other.target.probability - one.target.probability)
      .map((map) => sceneOf(map, explanation, answer, state)),
  );
}

/**
 * Whether heatmaps can share a colour scale: raw values of several classes compare within a method, not across methods.
 * @param {Pick<Answer, "explanations"> | null} answer
 */
export const canShareScale = (answer) => answer?.explanations.some(({ maps }) => maps.length > 1) ?? false;

/** @param {Pick<Answer, "explanations"> | null} answer */
export const countHeatmaps = (answer) => answer?.explanations.reduce((sum, { maps }) => sum + maps.length, 0) ?? 0;

/**
 * @param {Heatmap} map
 * @param {Explanation} explanation
 * @param {Answer} answer
 * @param {Pick<Shown, "methods" | "details" | "view">} state
 * @returns {HeatmapScene}
 */
function sceneOf(map, explanation, answer, { methods, details, view }) {
  const method = methods.find(({ name }) => name === explanation.method);
  const shared = view.shared && explanation.maps.length > 1;
  return {
    key: `${explanation.method} ${map.target.index}`,
    ...namesOf(map, explanation, method?.title ?? explanation.method, answer),
    classSpecific: method?.class_specific ?? true,
    insensitive: details?.sanity?.changed[explanation.method] === false,
    map,
    explanation,
    image: answer.image,
    shared,
    maximum: shared ? Math.max(...explanation.maps.map(({ maximum }) => maximum)) : map.maximum,
  };
}

/**
 * The name of a view and the text beside it. Where methods are compared, the name is the method.
 * @param {Heatmap} map
 * @param {Explanation} explanation
 * @param {string} method
 * @param {Answer} answer
 */
function namesOf(map, explanation, method, { explanations }) {
  const { versus } = explanation.parameters;
  const label = readable(map.target.label);
  const what = versus?.length ? t("heatmap.title.versus", { label, others: versus.map(readable).join(", ") }) : label;
  const probability = versus?.length ? "" : percent(map.target.probability);
  const compared = explanations.length > 1 && explanations[0].maps.length === 1;
  const title = joined(", ", what, probability);
  if (compared) return { title, method, first: method, second: versus?.length ? what : "" }; // the title has the class
  return { title, method, first: what, second: joined(" · ", probability, method) };
}

/** @param {string} separator @param {string[]} parts */
const joined = (separator, ...parts) => parts.filter(Boolean).join(separator);

/**
 * A heatmap in words.
 * @param {HeatmapScene} scene
 */
export function describe({ map, explanation, method, title, image }) {
  const values = { method, title, layer: explanation.layer, maximum: number(map.maximum) };
  if (map.empty) return t("heatmap.alt.empty", values);
  return t("heatmap.alt", { ...values, where: t(`where.${ninthOf(map, image)}`) });
}

/** @param {number} x @param {number} y @param {{width: number, height: number}} image */
const inside = (x, y, { width, height }) => x >= 0 && y >= 0 && x < width && y < height;

/**
 * The ninth of the image, row by row from 0 to 8, that holds the peak.
 * @param {Pick<Heatmap, "grid" | "region">} map
 * @param {{width: number, height: number}} image
 */
export function ninthOf({ grid, region }, image) {
  const [left, upper, right, lower] = region;
  const top = peak(grid, (x, y) => inside(left + x * (right - left), upper + y * (lower - upper), image));
  const third = (/** @type {number} */ place, /** @type {number} */ side) =>
    clamp(Math.floor((3 * place) / side), 0, 2);
  const column = third(left + top.x * (right - left), image.width);
  return 3 * third(upper + top.y * (lower - upper), image.height) + column;
}

/**
 * What a reader should know about a heatmap beyond its colours, in sentences.
 * @param {HeatmapScene} scene
 */
export function remarks({ map, classSpecific, insensitive }) {
  return [
    map.empty && t("heatmap.empty"),
    map.partial && t("heatmap.partial", { percent: wholePercent(map.done) }),
    !classSpecific && t("heatmap.classless"),
    insensitive && t("heatmap.insensitive"),
  ].filter((text) => text !== false);
}
