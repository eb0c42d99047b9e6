// @ts-check
/* Plain verdicts on the measured quality of a heatmap. Each is a comparison of the figure with one limit. */

/** @import { Heatmap } from "../api.js" */

/** @typedef {{word: "good" | "weak" | "unclear", limit: number}} Verdict */

const CORRELATION = 0.5; // as in the service's own test of the sensitivity to the weights
const LOST = 0.5; // share of the probability
const COMPLETE = 0.1; // share of the change that a heatmap explains
const STEPS = 16; // of insertion in the service

/** The largest area under a probability that starts from 0: above it, the blurred image already has some. */
const FROM_NOTHING = 1 - 1 / (2 * STEPS);

/** Half of the class's probability: the area under a probability that falls or rises evenly. @param {Heatmap} map */
const even = ({ target }) => target.probability / 2;

/** The change that the heatmap should sum to: its own sum, less the error. @param {Heatmap} map @param {number} error */
const expected = ({ grid }, error) => grid.flat().reduce((sum, value) => sum + value, 0) - error;

/** @param {boolean} good @param {number} limit @returns {Verdict} */
const judged = (good, limit) => ({ word: good ? "good" : "weak", limit });

/** @type {Record<string, (value: number, map: Heatmap) => Verdict>} */
const RULES = {
  deletion: (value, map) => judged(value < even(map), even(map)),
  insertion: (value, map) =>
    value > FROM_NOTHING ? { word: "unclear", limit: FROM_NOTHING } : judged(value > even(map), even(map)),
  average_drop: (value) => judged(value < LOST, LOST),
  increase_in_confidence: (value) => judged(value > 0, 0),
  head_randomisation: (value) => judged(value <= CORRELATION, CORRELATION),
  agreement: (value) => judged(value >= CORRELATION, CORRELATION),
  completeness_delta: (value, map) => {
    const limit = COMPLETE * Math.abs(expected(map, value));
    return judged(Math.abs(value) <= limit, limit);
  },
};

/**
 * The verdict on one figure; null where it has no value, or where there is no rule.
 * @param {string} name of the measure
 * @param {number | null | undefined} value
 * @param {Heatmap} map
 */
export function verdictOf(name, value, map) {
  if (value === null || value === undefined || !Object.hasOwn(RULES, name)) return null;
  return RULES[name](value, map);
}
