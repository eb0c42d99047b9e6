import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Problem } from "../../../service/api/page/core/http.js";
import { delay, isTransient, withRetries } from "../../../service/api/page/core/retry.js";
import { outcomeOf, prune } from "../../../service/api/page/session/answers.js";
import { analyzePath, curl, predictPath } from "../../../service/api/page/session/query.js";
import { DEFAULT_SELECTION } from "../../../service/api/page/session/state.js";

const DETAILS = { labels: ["normal", "glaucoma"], default_layer: "layer4" };

const queryOf = (selection, details = DETAILS) =>
  [...new URLSearchParams(analyzePath("m", { ...DEFAULT_SELECTION, ...selection }, details).split("?")[1])].map(
    (pair) => pair.join("="),
  );

test("the query names methods, and classes by their labels", () => {
  assert.deepEqual(queryOf({ methods: ["gradcam", "finercam"], targets: [1], versus: [0] }), [
    "model=m",
    "methods=gradcam",
    "methods=finercam",
    "target=glaucoma",
    "versus=normal",
    "top_k=10",
    "boxes=true",
  ]);
  assert.ok(queryOf({ targets: [1] }, null).includes("target=1"));
});

test("the query names layers only where they differ from the default", () => {
  const layers = (selection) => queryOf(selection).filter((pair) => /layer|fusion/.test(pair));
  assert.deepEqual(layers({}), []);
  assert.deepEqual(layers({ layer: "layer2" }), ["layer=layer2"]);
  assert.deepEqual(layers({ extraLayers: ["layer3"], fusion: "mean" }), [
    "layer=layer4",
    "layer=layer3",
    "fusion=mean",
  ]);
});

test("the query carries parameters of requested methods only, and the quality", () => {
  const parameters = { gamma: { value: 0.9, methods: ["finercam"] } };
  assert.ok(!queryOf({ parameters }).includes("gamma=0.9"));
  assert.ok(queryOf({ parameters, methods: ["finercam"] }).includes("gamma=0.9"));
  assert.ok(queryOf({ quality: true }).includes("quality=true"));
  assert.equal(predictPath("a b"), "predict?model=a+b&top_k=1");
});

test("the curl command quotes for the shell and for curl", () => {
  globalThis.document = { baseURI: "http://127.0.0.1:8000/x/" };
  assert.equal(
    curl("predict?model=m", "eye.png"),
    "curl -F 'image=@eye.png' 'http://127.0.0.1:8000/x/predict?model=m'",
  );
  assert.ok(curl("p", "it's.png").startsWith("curl -F 'image=@it'\\''s.png' "));
  assert.ok(curl("p", 'a;"b".png').startsWith('curl -F \'image=@"a;\\"b\\".png"\' '));
  delete globalThis.document;
});

test("a problem is read from the body, or from nothing", () => {
  const body = { type: "https://x/problems/overloaded", detail: "busy", request_id: "r-1" };
  const { slug, status, detail, requestId, retryAfter } = Problem.parse(429, JSON.stringify(body), "3");
  assert.deepEqual([slug, status, detail, requestId, retryAfter], ["overloaded", 429, "busy", "r-1", 3]);
  const html = Problem.parse(502, "<html>", null);
  assert.deepEqual([html.slug, html.status, html.retryAfter], ["other", 502, null]);
});

test("lost connections, busy services and loading models are transient", () => {
  const problem = (slug, retryAfter = null) => isTransient({ slug, retryAfter });
  assert.ok(problem("lost") && problem("overloaded") && problem("unavailable") && problem("model-unavailable", 2));
  assert.ok(!problem("model-unavailable", 60) && !problem("model-unavailable") && !problem("damaged-image"));
});

test("the delay doubles up to 15 s, or is what the service names", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9].map((attempts) => delay({ retryAfter: null }, attempts)),
    [1, 2, 4, 8, 15, 15],
  );
  assert.deepEqual(
    [0, 7, 600].map((retryAfter) => delay({ retryAfter }, 0)),
    [0.5, 7, 60],
  );
});

beforeEach(() => {
  const online = new EventTarget();
  globalThis.addEventListener = online.addEventListener.bind(online);
  globalThis.removeEventListener = online.removeEventListener.bind(online);
  globalThis.goOnline = () => online.dispatchEvent(new Event("online"));
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => {
  for (const name of ["addEventListener", "removeEventListener", "goOnline"]) delete globalThis[name];
  mock.timers.reset();
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** An attempt that fails a number of times. */
function failing(times, problem) {
  const attempt = async () => {
    attempt.calls += 1;
    if (attempt.calls <= times) throw problem;
    return "done";
  };
  attempt.calls = 0;
  return attempt;
}

test("a transient problem is retried after its delay", async () => {
  const attempt = failing(2, new Problem({ slug: "overloaded" }));
  const waits = [];
  const result = withRetries(attempt, { onWait: ({ problem }) => waits.push(problem.slug) });
  await settled();
  mock.timers.tick(999);
  await settled();
  assert.equal(attempt.calls, 1);
  mock.timers.tick(1);
  await settled();
  assert.equal(attempt.calls, 2);
  mock.timers.tick(2000);
  assert.equal(await result, "done");
  assert.deepEqual(waits, ["overloaded", "overloaded"]);
});

test("other problems and too many attempts at a busy service fail", async () => {
  await assert.rejects(withRetries(failing(1, new Problem({ slug: "damaged-image" })), {}), { slug: "damaged-image" });
  const attempt = failing(99, new Problem({ slug: "unavailable", retryAfter: 1 }));
  const rejected = assert.rejects(withRetries(attempt, {}), { slug: "unavailable" });
  for (let wait = 0; wait < 12; wait += 1) {
    await settled();
    mock.timers.tick(1000);
  }
  await rejected;
  assert.equal(attempt.calls, 9);
});

test("the wait ends when the browser is online again, by request, or by cancelling", async () => {
  const lost = new Problem({ slug: "lost" });
  const online = withRetries(failing(1, lost), {});
  await settled();
  globalThis.goOnline();
  assert.equal(await online, "done");
  assert.equal(await withRetries(failing(1, lost), { onWait: ({ now }) => queueMicrotask(now) }), "done");
  const control = new AbortController();
  const attempt = failing(1, lost);
  const cancelled = withRetries(attempt, { signal: control.signal });
  await settled();
  control.abort();
  await assert.rejects(cancelled, { name: "AbortError" });
  assert.equal(attempt.calls, 1);
});

test("an answer in short, and a cache without closed images", () => {
  const predictions = [{ label: "normal", probability: 0.9 }];
  assert.deepEqual(outcomeOf({ status: "ok", predictions }), { label: "normal", probability: 0.9 });
  const refused = { status: "refused", reasons: ["ungradable"], predictions: [] };
  assert.deepEqual(outcomeOf(refused), { refused: true, reasons: ["ungradable"] });
  const cache = new Map(["1 a", "12 a", "projection b"].map((key) => [key, null]));
  prune(cache, [{ id: 12 }], "projection");
  assert.deepEqual([...cache.keys()], ["12 a", "projection b"]);
});
