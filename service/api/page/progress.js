/* What the service is doing, and what went wrong: never more than one line, and always a way out. */

import { h, refill } from "./dom.js";
import { button } from "./fields.js";
import { applicable, isSlow } from "./picking.js";
import { plainly, readable, percent, roughly, t } from "./words.js";
import { refusal } from "./refusal.js";
import { mapsOf } from "./scenes.js";

const PATIENCE = 250; // milliseconds before progress is worth showing
const TICK = 500;
const WRONG_FILE = ["unsupported-image", "damaged-image", "too-large", "malformed-request"]; // asking again changes nothing

/** Show the progress and problems of a store in an element, and tell screen readers what matters. */
export function createProgress(store, element, { answering, picking, intake, say }) {
  let timer = null;

  function draw() {
    const { asking, problem, answer, current } = store.state;
    clearTimeout(timer);
    const waited = asking ? performance.now() - asking.began : 0;
    const early = asking && asking.phase !== "waiting" && waited < PATIENCE;
    const content = asking ? (early ? [] : underWay(asking, waited)) : problem ? wrong(problem) : refusal(answer, current);
    if (!asking || !early) refill(element, content);
    element.classList.toggle("empty", !element.hasChildNodes());
    element.dataset.kind = asking ? "asking" : problem ? "problem" : answer?.status === "refused" ? "refused" : "";
    if (asking) timer = setTimeout(draw, early ? PATIENCE - waited + 5 : TICK);
  }

  function underWay(asking, waited) {
    const seconds = Math.floor(waited / 1000);
    const cancel = button("ask.cancel", cancelled);
    if (asking.phase === "waiting") {
      const left = Math.max(0, Math.ceil((asking.until - performance.now()) / 1000));
      const text = t(asking.problem.slug === "lost" ? "ask.lost" : asking.problem.slug === "model-unavailable" ? "model.loading" : "ask.busy", { seconds: left, model: store.state.model });
      return [h("span.grow", text), button("ask.now", answering.tryNow), cancel];
    }
    const sending = asking.phase === "sending";
    const bar = h("progress", sending ? { max: 1, value: asking.share ?? 0 } : {});
    bar.setAttribute("aria-label", phaseText(asking));
    return [bar, h("span.grow", phaseText(asking)), seconds > 0 && h("span.quiet", t("ask.seconds", { seconds })), cancel];
  }

  function phaseText({ phase, share, picked }) {
    if (phase === "sending") return t("ask.sending", { percent: roughly(share ?? 0) });
    const slow = store.state.methods.filter((method) => picked.methods.includes(method.name) && isSlow(method));
    if (picked.quality) return t("ask.measuring");
    return slow.length ? t("ask.thinking.slow", { methods: slow.map(({ title }) => title).join(", ") }) : t("ask.thinking");
  }

  function cancelled() {
    answering.cancel();
    refill(element, h("span.grow", t("ask.cancelled")), again());
    element.classList.remove("empty");
  }

  const again = () => button("ask.again", answering.ask);

  function wrong(problem) {
    return [
      h("div.grow",
        h("strong", t("problem.title")), h("p", plainly(problem)),
        problem.detail && h("p.detail", problem.detail),
        problem.requestId && h("p.quiet", t("problem.request", { request: problem.requestId })),
      ),
      ...wayOut(problem),
    ];
  }

  function wayOut({ slug }) {
    if (WRONG_FILE.includes(slug)) return [button("problem.other.image", intake.choose)];
    if (slug !== "does-not-apply") return [again()];
    const { picked } = store.state;
    const usual = applicable(store.state).find(({ name, applies }) => applies && name === "gradcam");
    return [
      usual && h("button.button", { onclick: () => picking.only(usual.name) }, t("problem.use", { method: usual.title })),
      picked.layer && button("problem.layer", () => picking.layer(null)),
      again(),
    ];
  }

  function announce({ answer, problem, current }) {
    if (problem) say(`${t("problem.title")}. ${plainly(problem)}`);
    else if (answer && answer.item === current) say(summary(answer, store.state.methods));
  }

  store.on(["asking", "problem", "answer", "current"], draw);
  store.on(["answer", "problem"], announce);
}

function summary(answer, methods) {
  if (answer.status !== "ok") return t("ask.refused");
  const [{ label, probability }] = answer.predictions;
  const count = mapsOf(answer);
  const first = answer.explanations[0]?.method;
  const method = methods.find(({ name }) => name === first)?.title ?? first;
  const maps = t(count === 1 ? "ask.done.maps.one" : "ask.done.maps.many", { count, method });
  return t("ask.done", { label: readable(label), probability: percent(probability), maps });
}
