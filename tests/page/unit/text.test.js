import assert from "node:assert/strict";
import { test } from "node:test";
import {
  duration,
  integer,
  number,
  percent,
  problemText,
  readable,
  t,
  textOr,
  wholePercent,
} from "../../../service/api/page/core/text.js";

test("a text is found by its key and filled in", () => {
  assert.equal(t("app.title"), "Fovea");
  assert.equal(t("list.progress", { done: 2, count: 5 }), "2 of 5 images answered");
  assert.equal(t("list.progress", { done: 2 }), "2 of {count} images answered");
});

test("a key without a text shows itself", () => {
  assert.equal(t("no.such.key"), "no.such.key");
  assert.equal(t("app.toString"), "app.toString");
  assert.equal(textOr("no.such.key", "fallback"), "fallback");
  assert.equal(textOr("app.title", "fallback"), "Fovea");
});

test("percentages have one decimal and a no-break space", () => {
  assert.equal(percent(0.55), "55.0\u00a0%");
  assert.equal(percent(0.9134), "91.3\u00a0%");
});

test("percentages never round to a certainty that is none", () => {
  assert.equal(percent(0), "0.0\u00a0%");
  assert.equal(percent(1), "100.0\u00a0%");
  assert.equal(percent(0.0004), "<\u00a00.1\u00a0%");
  assert.equal(percent(0.99999), ">\u00a099.9\u00a0%");
});

test("whole percentages, numbers and integers", () => {
  assert.equal(wholePercent(0.654), "65\u00a0%");
  assert.equal(wholePercent(3), "300\u00a0%");
  assert.equal(number(0.0123456), "0.0123");
  assert.equal(number(-12345), "-12,300");
  assert.equal(integer(1411.4), "1,411");
});

test("a duration is in seconds from one second on", () => {
  assert.equal(duration(0.1234), "0.123\u00a0ms");
  assert.equal(duration(999), "999\u00a0ms");
  assert.equal(duration(23_000), "23\u00a0s");
  assert.equal(duration(1234), "1.23\u00a0s");
});

test("names of programs and problems for people", () => {
  assert.equal(readable("macular_degeneration_late"), "macular degeneration late");
  assert.equal(problemText({ slug: "unavailable" }), "The service cannot answer now.");
  assert.equal(problemText({ slug: "no-such-problem" }), "The service could not answer.");
});
