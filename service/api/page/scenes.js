/* Which views there are at a moment: the image, each map, or one of them enlarged. */

import { peak } from "./heat.js";
import { number, percent, readable, roughly, t } from "./words.js";

/**
 * The views of a state, in order: {key, title, method, first, second, map or null, explanation, maximum}. Maximum is the raw value at
 * the upper end of the view's colour scale.
 */
export function scenesOf({ answer, current, view, enlarged, methods, details }) {
  if (!current) return [];
  const maps = (answer?.item === current ? answer.explanations : []).flatMap((explanation) =>
    explanation.maps.map((map) => sceneOf(map, explanation, answer, { methods, details, shared: view.shared })),
  );
  const image = { key: "image", title: t("map.image"), first: t("map.image"), second: "", method: "", map: null, explanation: null, maximum: 0 };
  if (!maps.length) return [image];
  const large = maps.find((scene) => scene.key === enlarged);
  if (large) return view.mode === "side" ? [image, large] : [large];
  return view.mode === "side" ? [image, ...maps] : maps;
}

export const mapsOf = (answer) => answer?.explanations.reduce((sum, { maps }) => sum + maps.length, 0) ?? 0;

function sceneOf(map, explanation, answer, { methods, details, shared }) {
  const method = methods.find(({ name }) => name === explanation.method);
  return {
    key: `${explanation.method} ${map.target.index}`,
    ...names(map, explanation, method?.title ?? explanation.method, answer),
    classSpecific: method?.class_specific ?? true,
    blind: details?.sanity?.changed[explanation.method] === false,
    map,
    explanation,
    image: answer.image,
    maximum: shared ? Math.max(...explanation.maps.map(({ maximum }) => maximum)) : map.maximum,
  };
}

/** What a view is called, and beside it, quieter, the rest: where methods are compared, the method comes first. */
function names(map, explanation, method, { explanations }) {
  const what = whatOf(map, explanation);
  const share = explanation.parameters.versus?.length ? "" : percent(map.target.probability);
  const many = explanations.length > 1 && explanations[0].maps.length === 1;
  return {
    title: joined(", ", what, share),
    method,
    first: many ? method : what,
    second: many ? joined(" · ", what, share) : joined(" · ", share, method),
  };
}

const joined = (between, ...parts) => parts.filter(Boolean).join(between);

function whatOf({ target }, { parameters: { versus } }) {
  const label = readable(target.label);
  return versus?.length ? t("map.title.versus", { label, others: versus.map(readable).join(", ") }) : label;
}

export function describe(scene) {
  const { map, explanation, method, title } = scene;
  const values = { method, title, layer: explanation.layer, maximum: number(map.maximum) };
  if (map.empty) return t("map.alt.empty", values);
  return t("map.alt", { ...values, where: t(`where.${ninth(scene)}`) });
}

/** Which ninth of the image, row by row, holds the map's peak. */
function ninth({ map, image }) {
  const top = peak(map.grid);
  const [left, upper, right, lower] = map.region;
  const third = (place, side) => Math.min(2, Math.max(0, Math.floor((3 * place) / side)));
  const across = third(left + top.x * (right - left), image.width);
  return 3 * third(upper + top.y * (lower - upper), image.height) + across;
}

/** What a reader should know of a map beyond its colours: sentences. */
export function remarks({ map, classSpecific, blind }) {
  return [
    map.empty && t("map.empty"),
    map.partial && t("map.partial", { percent: roughly(map.done) }),
    !classSpecific && t("map.classless"),
    blind && t("map.blind"),
  ].filter(Boolean);
}
