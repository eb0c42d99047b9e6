/* Asking the service about the image that is looked at, and remembering what it said. */

import { adopt, agrees } from "./images.js";
import { persistently } from "./patience.js";
import { isSlow } from "./picking.js";
import { analyzePath } from "./question.js";
import { post, Problem } from "./wire.js";

/**
 * Keep `answer`, `asking` and `problem` of a store in step with the image, the model and what is picked. An answer is
 * what the service said as JSON, with {text, path, seconds, item} of its own beside it.
 * Returns {ask, cancel, tryNow}.
 */
export function createAnswering(store) {
  const kept = new Map(); // item id and path -> answer
  let running = null; // {control, now}

  function cancel() {
    running?.control.abort();
    running = null;
    store.set({ asking: null });
  }

  async function ask() {
    running?.control.abort();
    running = null;
    const { current: item, model, details, picked } = store.state;
    const thinking = { phase: "thinking", began: performance.now(), picked };
    if (!item) return store.set({ asking: null, answer: null, problem: null });
    if (!model || details?.name !== model) return store.set({ asking: store.state.problem ? null : thinking, answer: null });
    const path = analyzePath(model, picked, details);
    const known = kept.get(`${item.id} ${path}`);
    if (known) return store.set({ answer: known, asking: null, problem: null });
    const last = store.state.answer;
    const stale = last?.item === item && last.model.name === model ? last : null;
    const control = new AbortController();
    running = { control, now: null };
    store.set({ answer: stale, problem: null, asking: { ...thinking, phase: "sending", share: 0 } });
    const patch = await outcome(item, path, control.signal, !stale);
    if (running?.control !== control) return; // cancelled, or overtaken by another question
    running = null;
    if (patch.problem && !stale) item.outcomes[model] = { problem: patch.problem };
    store.set({ asking: null, ...patch });
  }

  /** {answer, problem}; a problem leaves the answer before it in its place. */
  async function outcome(item, path, signal, first) {
    try {
      if (first) await preview(item, path, signal);
      return { answer: await answerTo(item, path, signal), problem: null };
    } catch (problem) {
      if (problem instanceof Problem || problem.name === "AbortError") return { problem };
      throw problem;
    }
  }

  /** Where slow methods or measures are asked for about a new image, first the answer without them. */
  async function preview(item, path, signal) {
    const { picked, methods, model, details } = store.state;
    const slow = methods.filter(isSlow).map(({ name }) => name);
    const quick = picked.methods.filter((name) => !slow.includes(name));
    const sooner = analyzePath(model, { ...picked, methods: quick.length ? quick : ["gradcam"], quality: false }, details);
    if (sooner === path) return;
    const answer = await answerTo(item, sooner, signal);
    if (!signal.aborted) store.set({ answer });
  }

  async function answerTo(item, path, signal) {
    const known = kept.get(`${item.id} ${path}`);
    if (known) return known;
    const { text, seconds } = await persistently(() => post(path, item.blob, { signal, onUpload }), { signal, onWait });
    const answer = Object.assign(JSON.parse(text), { text, path, seconds, item });
    item.outcomes[answer.model.name] = outcomeOf(answer);
    if (!agrees(item, answer.image) && answer.status === "ok") await borrow(item, path, answer, signal);
    kept.set(`${item.id} ${path}`, answer);
    return answer;
  }

  const progress = (patch) => store.state.asking && store.set({ asking: { ...store.state.asking, ...patch } });
  const onUpload = (share) => progress(share < 1 ? { phase: "sending", share } : { phase: "thinking" });
  const onWait = ({ problem, until, now }) => {
    if (running) running.now = now;
    progress({ phase: "waiting", problem, until });
  };

  /** Forget what was said about images that are closed. */
  function prune() {
    const open = new Set(store.state.items.map((item) => String(item.id)));
    for (const key of kept.keys()) if (!open.has(key.split(" ")[0])) kept.delete(key);
  }

  store.on(["items"], prune);
  store.on(["current", "model", "details", "picked"], ask);
  return { ask, cancel, tryNow: () => running?.now?.() };
}

/** What a list of images says of one: {label, probability}, or {refused}. */
export function outcomeOf(answer) {
  if (answer.status === "refused") return { refused: true };
  const [first] = answer.predictions;
  return { label: first.label, probability: first.probability };
}

/** A picture from the service, where the browser has none of this format or shows another one than the model saw. */
async function borrow(item, path, answer, signal) {
  const first = answer.explanations[0].method;
  const question = new URLSearchParams(path.split("?")[1]);
  question.set("methods", first);
  question.set("overlay", "true");
  question.delete("quality");
  const { text } = await post(`analyze?${question}`, item.blob, { signal });
  const overlay = JSON.parse(text).explanations[0].maps[0].overlay;
  await adopt(item, overlay, answer.image);
}
