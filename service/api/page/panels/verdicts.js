// @ts-check
/* Plain verdicts on the measured quality of a heatmap. Each is a comparison of the figure with one limit. */

/** @import { Heatmap } from "../api.js" */

/** @typedef {{good: boolean, limit: number}} Verdict */

const CORRELATION = 0.5; // as in the service's own test of the sensitivity to the weights
const LOST = 0.5; // share of the probability
const COMPLETE = 0.1; // share of the sum of the heatmap

/** Half of the class's probability: the area under a probability that falls or rises evenly. @param {Heatmap} map */
const even = ({ target }) => target.probability / 2;

/** The sum that the heatmap should have: its own sum, less the error. @param {Heatmap} map @param {number} error */
const expected = ({ grid }, error) => grid.flat().reduce((sum, value) => sum + value, 0) - error;

/** @type {Record<string, (value: number, map: Heatmap) => Verdict>} */
const RULES = {
  deletion: (value, map) => ({ good: value < even(map), limit: even(map) }),
  insertion: (value, map) => ({ good: value > even(map), limit: even(map) }),
  average_drop: (value) => ({ good: value < LOST, limit: LOST }),
  increase_in_confidence: (value) => ({ good: value > 0, limit: 0 }),
  head_randomisation: (value) => ({ good: value <= CORRELATION, limit: CORRELATION }),
  agreement: (value) => ({ good: value >= CORRELATION, limit: CORRELATION }),
  completeness_delta: (value, map) => {
    const limit = COMPLETE * Math.abs(expected(map, value));
    return { good: Math.abs(value) <= limit, limit };
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
