// @ts-check
/* The progress of a request, and what went wrong: one line with a way out. */

import { h, refill } from "../core/dom.js";
import { button } from "../core/fields.js";
import { duration, percent, problemText, readable, t, wholePercent } from "../core/text.js";
import { methodChoices } from "../session/selection.js";
import { refusal } from "./refusal.js";
import { countHeatmaps } from "./scenes.js";

/** @import { Method } from "../api.js" */
/** @import { Problem } from "../core/http.js" */
/** @import { AnswerActions } from "../session/answers.js" */
/** @import { FileActions } from "../session/files.js" */
/** @import { SelectionActions } from "../session/selection.js" */
/** @import { Announce, Answer, Children, PageStore, Pending, State } from "../types.js" */

const DELAY = 250; // milliseconds before progress is worth showing
const INTERVAL = 500; // milliseconds between two updates

/** Problems of the file: the same request would fail again. */
const FILE_PROBLEMS = ["unsupported-image", "damaged-image", "too-large", "malformed-request"];

/**
 * Show the progress and the problems of a store in an element, and announce them.
 * @param {PageStore} store
 * @param {HTMLElement} element
 * @param {{answers: AnswerActions, selection: SelectionActions, files: FileActions, announce: Announce}} parts
 */
export function createProgress(store, element, { answers, selection, files, announce }) {
  let timer = 0;

  function draw() {
    const { pending } = store.state;
    clearTimeout(timer);
    const elapsed = pending ? performance.now() - pending.began : 0;
    const early = pending && pending.phase !== "waiting" && elapsed < DELAY;
    if (!early) refill(element, pending ? pendingLine(pending, elapsed) : outcome());
    element.classList.toggle("empty", !element.hasChildNodes());
    element.dataset.kind = kindOf(store.state);
    if (pending) timer = window.setTimeout(draw, early ? DELAY - elapsed + 5 : INTERVAL);
  }

  /** @returns {Children} */
  function outcome() {
    const { problem, answer, current } = store.state;
    if (problem) return problemLine(problem);
    return answer?.status === "refused" && answer.item === current ? refusal(answer) : [];
  }

  /** @param {Pending} pending @param {number} elapsed */
  function pendingLine(pending, elapsed) {
    const cancel = button("request.cancel", cancelled);
    if (pending.phase === "waiting") {
      return [h("span.grow", waitText(pending)), button("request.now", answers.retryNow), cancel];
    }
    const text = phaseText(pending);
    const bar = h("progress", { "aria-label": text });
    if (pending.phase === "sending") bar.value = pending.share ?? 0;
    const seconds = Math.floor(elapsed / 1000);
    return [bar, h("span.grow", text), seconds > 0 && h("span.quiet", duration(1000 * seconds)), cancel];
  }

  /** @param {Pending} pending */
  function waitText({ problem, until = 0 }) {
    const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    if (problem?.slug === "model-unavailable") return t("model.loading", { model: store.state.model });
    return t(problem?.slug === "lost" ? "request.lost" : "request.busy", { seconds });
  }

  /** @param {Pending} pending */
  function phaseText({ phase, share, selection: { methods, quality } }) {
    if (phase === "sending") return t("request.sending", { percent: wholePercent(share ?? 0) });
    if (quality) return t("request.measuring");
    const slow = store.state.methods.filter((method) => methods.includes(method.name) && method.slow);
    const titles = slow.map(({ title }) => title).join(", ");
    return slow.length ? t("request.slow", { methods: titles }) : t("request.running");
  }

  function cancelled() {
    answers.cancel();
    refill(element, h("span.grow", t("request.cancelled")), retry());
    element.classList.remove("empty");
  }

  const retry = () => button("request.retry", answers.request);

  /** @param {Problem} problem */
  function problemLine(problem) {
    const { detail, requestId } = problem;
    return [
      h(
        "div.grow",
        h("strong", t("problem.title")),
        h("p", problemText(problem)),
        detail && h("p.detail", detail),
        requestId && h("p.quiet", t("problem.request", { request: requestId })),
      ),
      ...waysOut(problem),
    ];
  }

  /** @param {Problem} problem */
  function waysOut({ slug }) {
    if (FILE_PROBLEMS.includes(slug)) return [button("problem.other.image", files.choose)];
    if (slug !== "does-not-apply") return [retry()];
    const usual = methodChoices(store.state).find(({ name, applies }) => applies && name === "gradcam");
    const use = () => selection.setMethod("gradcam");
    return [
      usual && h("button.button", { onclick: use }, t("problem.use", { method: usual.title })),
      store.state.selection.layer && button("problem.layer", () => selection.setLayer(null)),
      retry(),
    ];
  }

  store.on(["pending", "problem", "answer", "current"], draw);
  store.on(["answer", "problem"], ({ answer, problem, current, methods }) => {
    if (problem) announce(`${t("problem.title")}. ${problemText(problem)}`);
    else if (answer && answer.item === current) announce(summary(answer, methods));
  });
}

/** @param {State} state */
function kindOf({ pending, problem, answer }) {
  if (pending) return "pending";
  if (problem) return "problem";
  return answer?.status === "refused" ? "refused" : "";
}

/** @param {Answer} answer @param {Method[]} methods */
function summary(answer, methods) {
  if (answer.status !== "ok") return t("request.refused");
  const [{ label, probability }] = answer.predictions;
  const count = countHeatmaps(answer);
  const first = answer.explanations[0]?.method;
  const method = methods.find(({ name }) => name === first)?.title ?? first;
  const heatmaps = t(count === 1 ? "request.done.one" : "request.done.many", { count, method });
  return t("request.done", { label: readable(label), probability: percent(probability), heatmaps });
}
