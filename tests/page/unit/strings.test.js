import assert from "node:assert/strict";
import { test } from "node:test";
import { STRINGS } from "../../../service/api/page/core/strings.js";

const TEXTS = Object.entries(STRINGS).flatMap(([group, texts]) =>
  Object.entries(texts).map(([name, text]) => [`${group}.${name}`, text]),
);

test("every text is a non-empty string without blanks at its ends", () => {
  for (const [key, text] of TEXTS) assert.ok(typeof text === "string" && text && text === text.trim(), key);
});

test("“map” stands for nothing: heatmaps, projections and feature maps are named", () => {
  const wrong = TEXTS.filter(([, text]) => /(?<!feature )\bmaps?\b/i.test(text));
  assert.deepEqual(wrong, []);
});

test("braces and backticks come in pairs", () => {
  for (const [key, text] of TEXTS) {
    assert.equal(text.replace(/\{\w+\}/g, "").match(/[{}]/), null, key);
    assert.equal((text.match(/`/g) ?? []).length % 2, 0, key);
  }
});
