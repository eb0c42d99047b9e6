import assert from "node:assert/strict";
import { test } from "node:test";
import { figure } from "../../../service/api/page/core/facts.js";
import { obstacle } from "../../../service/api/page/panels/collections.js";
import { isUnfinished } from "../../../service/api/page/panels/job.js";
import { fieldsOf } from "../../../service/api/page/panels/parameters.js";
import { verdictOf } from "../../../service/api/page/panels/verdicts.js";
import { outcomeText } from "../../../service/api/page/panels/worklist.js";
import { labelOf } from "../../../service/api/page/session/cases.js";
import { fileName } from "../../../service/api/page/stage/downloads.js";
import { violationText } from "../../../service/api/page/stage/refusal.js";
import { assertClose } from "./assertions.js";

test("a violated limit is named with its value and the limit", () => {
  const text = (measure, value, minimum, maximum) => violationText({ measure, value, minimum, maximum });
  assert.equal(text("surround", 1.034, null, 0.4), "Corner-to-centre brightness 1.03 (limit 0.4)");
  assert.equal(text("red_over_green", 0.992, 1.15, 6), "Red-to-green ratio 0.992 (allowed 1.15 to 6)");
  assert.equal(text("warm", 0.21, 0.7, null), "Reddish area 21\u00a0% (minimum 70\u00a0%)");
  assert.equal(text("brightness", 0, 20, null), "Brightness 0 (minimum 20)");
  assert.equal(text("new_measure", 2, null, 1), "new measure 2 (limit 1)");
});

test("figures of a card that are shares are percentages", () => {
  assert.equal(figure("accuracy", 0.55), "55.0\u00a0%");
  assert.equal(figure("imagenet_top1_accuracy", 0.69758), "69.8\u00a0%");
  assert.equal(figure("held_out_images", 1500), "1,500");
  assert.equal(figure("calibration_error", 0.0162), "0.0162");
  assert.equal(figure("accuracy", 55), "55");
  assert.equal(figure("auc", "0.9 (95 % CI 0.8 to 1.0)"), "0.9 (95 % CI 0.8 to 1.0)");
});

test("an outcome in the list of images", () => {
  const texts = [undefined, { refused: true }, { problem: {} }, { label: "disc_swelling", probability: 0.5 }];
  assert.deepEqual(texts.map(outcomeText), ["waiting", "refused", "no answer", "disc swelling 50.0\u00a0%"]);
});

test("refused and failed images say why", () => {
  const refused = { refused: true, reasons: ["ungradable", "new_reason"] };
  assert.equal(outcomeText(refused), "refused: quality too low, new reason");
  assert.equal(outcomeText({ problem: { slug: "damaged-image" } }), "no answer: the file is damaged");
});

test("a verdict compares a figure with its limit", () => {
  const map = { target: { probability: 0.8 }, grid: [[3, -1]] };
  const cases = {
    deletion: [0.39, 0.41, 0.4],
    insertion: [0.41, 0.39, 0.4],
    average_drop: [0.4, 0.6, 0.5],
    increase_in_confidence: [1, 0, 0],
    head_randomisation: [0.5, 0.6, 0.5],
    agreement: [0.5, 0.4, 0.5],
    completeness_delta: [-0.1, 1, 0.1 * (2 + 0.1)],
  };
  for (const [name, [good, weak, limit]] of Object.entries(cases)) {
    assertClose(verdictOf(name, good, map).limit, limit);
    assert.deepEqual([verdictOf(name, good, map).word, verdictOf(name, weak, map).word], ["good", "weak"], name);
  }
  assert.equal(verdictOf("insertion", 0.98, map).word, "unclear"); // not from a blurred image without the class
  assert.equal(verdictOf("deletion", null, map), null);
  assert.equal(verdictOf("new_measure", 0.3, map), null);
});

test("why a collection does not suit a model", () => {
  const collection = { model: "m", stale: false, count: 3 };
  assert.equal(obstacle(collection, "m"), null);
  assert.equal(obstacle(collection, "other"), "collection.other");
  assert.equal(obstacle({ ...collection, stale: true }, "m"), "collection.stale");
  assert.equal(obstacle({ ...collection, count: 0 }, "m"), "collection.empty");
});

test("a parameter of several methods is one field", () => {
  const schema = { type: "number", minimum: 0, maximum: 1 };
  const fields = fieldsOf([
    { name: "a", title: "A", parameters: { properties: { gamma: schema } } },
    { name: "b", title: "B", parameters: {} },
    { name: "c", title: "C", parameters: { properties: { gamma: schema, base: { enum: ["x"] } } } },
  ]);
  assert.deepEqual(fields, [
    { ...schema, name: "gamma", titles: ["A", "C"], methods: ["a", "c"] },
    { enum: ["x"], name: "base", titles: ["C"], methods: ["c"] },
  ]);
});

test("unfinished jobs, labels, and file names without the image's own name", () => {
  const states = ["waiting", "running", "done", "failed", "cancelled", "interrupted"];
  assert.deepEqual(
    states.filter((state) => isUnfinished({ state })),
    ["waiting", "running"],
  );
  assert.deepEqual([labelOf({ label: "red_mark" }), labelOf({ label: "" })], ["red mark", "no label"]);
  const answer = { model: { name: "glaucoma" }, image: { sha256: "0123456789" } };
  assert.equal(fileName(answer, "png"), "fovea-glaucoma-01234567.png");
});
