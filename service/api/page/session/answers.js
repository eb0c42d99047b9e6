// @ts-check
/* Requests for answers about the image that is shown, and a cache of what came back. */

import { Problem, post } from "../core/http.js";
import { withRetries } from "../core/retry.js";
import { hasSize, showOverlay } from "./images.js";
import { analyzePath } from "./query.js";

/** @import { PredictAnswer } from "../api.js" */
/** @import { Answer, OpenImage, Outcome, PageStore, Pending, State, Wait } from "../types.js" */

/** @typedef {ReturnType<typeof createAnswers>} AnswerActions */

/**
 * Keep `answer`, `pending` and `problem` of a store in step with the image, the model and the selection.
 * @param {PageStore} store
 */
export function createAnswers(store) {
  /** @type {Map<string, Answer>} */
  const cache = new Map(); // image id and path -> answer
  /** @type {{control: AbortController, now: (() => void) | null} | null} */
  let running = null;

  function cancel() {
    running?.control.abort();
    running = null;
    store.set({ pending: null });
  }

  async function request() {
    running?.control.abort();
    running = null;
    const { current: item, model, details, selection } = store.state;
    /** @type {Pending} */
    const pending = { phase: "running", began: performance.now(), selection };
    if (!item) return store.set({ pending: null, answer: null, problem: null });
    if (!model || details?.name !== model) {
      return store.set({ pending: store.state.problem ? null : pending, answer: null });
    }
    const path = analyzePath(model, selection, details);
    const known = cache.get(`${item.id} ${path}`);
    if (known) return store.set({ answer: known, pending: null, problem: null });
    const last = store.state.answer;
    const stale = last?.item === item && last.model.name === model ? last : null;
    const control = new AbortController();
    running = { control, now: null };
    store.set({ answer: stale, problem: null, pending: { ...pending, phase: "sending", share: 0 } });
    const patch = await outcome(item, path, control.signal, !stale);
    if (running?.control !== control) return undefined; // cancelled, or replaced by a newer request
    running = null;
    if (patch.problem && !stale) item.outcomes[model] = { problem: patch.problem };
    return store.set({ pending: null, ...patch });
  }

  /**
   * The change of the state. After a problem the answer before it stays.
   * @param {OpenImage} item
   * @param {string} path
   * @param {AbortSignal} signal
   * @param {boolean} first
   * @returns {Promise<Partial<State>>}
   */
  async function outcome(item, path, signal, first) {
    try {
      if (first) await preview(item, path, signal);
      return { answer: await answerTo(item, path, signal), problem: null };
    } catch (problem) {
      if (problem instanceof Problem) return { problem };
      if (signal.aborted) return {};
      throw problem;
    }
  }

  /**
   * For a new image, where slow methods or the quality are requested: first the answer without them.
   * @param {OpenImage} item
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async function preview(item, path, signal) {
    const { selection, methods, model, details } = store.state;
    const slow = methods.filter((method) => method.slow).map(({ name }) => name);
    const fast = selection.methods.filter((name) => !slow.includes(name));
    const reduced = { ...selection, methods: fast.length ? fast : ["gradcam"], quality: false };
    const sooner = analyzePath(model ?? "", reduced, details);
    if (sooner === path) return;
    const answer = await answerTo(item, sooner, signal);
    if (!signal.aborted) store.set({ answer });
  }

  /**
   * @param {OpenImage} item
   * @param {string} path
   * @param {AbortSignal} signal
   * @returns {Promise<Answer>}
   */
  async function answerTo(item, path, signal) {
    const known = cache.get(`${item.id} ${path}`);
    if (known) return known;
    const { text, seconds } = await withRetries(() => post(path, item.blob, { signal, onUpload }), { signal, onWait });
    /** @type {Answer} */
    const answer = { ...JSON.parse(text), text, path, seconds, item };
    item.outcomes[answer.model.name] = outcomeOf(answer);
    if (!hasSize(item, answer.image) && answer.status === "ok") await fetchOverlay(item, path, answer, signal);
    cache.set(`${item.id} ${path}`, answer);
    return answer;
  }

  /** @param {Partial<Pending>} patch */
  const progress = (patch) => store.state.pending && store.set({ pending: { ...store.state.pending, ...patch } });
  /** @param {number} share */
  const onUpload = (share) => progress(share < 1 ? { phase: "sending", share } : { phase: "running" });
  /** @param {Wait} wait */
  const onWait = ({ problem, until, now }) => {
    if (running) running.now = now;
    progress({ phase: "waiting", problem, until });
  };

  store.on(["items"], ({ items }) => prune(cache, items));
  store.on(["current", "model", "details", "selection"], request);
  return { request, cancel, retryNow: () => running?.now?.() };
}

/**
 * Drop the entries of closed images from a cache whose keys start with an image's id.
 * @param {Map<string, unknown>} cache
 * @param {OpenImage[]} items
 * @param {string[]} others first words of keys that stay
 */
export function prune(cache, items, ...others) {
  const open = new Set([...others, ...items.map(({ id }) => String(id))]);
  for (const key of cache.keys()) if (!open.has(key.split(" ")[0])) cache.delete(key);
}

/**
 * An answer in short, for the list of images.
 * @param {Pick<PredictAnswer, "status" | "reasons" | "predictions">} answer
 * @returns {Outcome}
 */
export function outcomeOf({ status, reasons, predictions }) {
  if (status === "refused") return { refused: true, reasons };
  const [{ label, probability }] = predictions;
  return { label, probability };
}

/**
 * Show the service's own picture, where the browser cannot show the format or shows another size than the model saw.
 * @param {OpenImage} item
 * @param {string} path
 * @param {Answer} answer
 * @param {AbortSignal} signal
 */
async function fetchOverlay(item, path, answer, signal) {
  const query = new URLSearchParams(path.split("?")[1]);
  query.set("methods", answer.explanations[0].method);
  query.set("overlay", "true");
  query.delete("quality");
  const { text } = await post(`analyze?${query}`, item.blob, { signal });
  const { overlay } = JSON.parse(text).explanations[0].maps[0];
  await showOverlay(item, overlay, answer.image);
}
