import assert from "node:assert/strict";

/**
 * Fail unless two numbers, or all numbers of two objects, are equal up to rounding.
 * @param {any} actual
 * @param {any} expected
 */
export function assertClose(actual, expected, tolerance = 1e-9) {
  if (typeof expected === "number") {
    assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
    return;
  }
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const key of Object.keys(expected)) assertClose(actual[key], expected[key], tolerance);
}
