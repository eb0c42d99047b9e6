/* One question of a panel at a time: that it is under way, that the line is lost, or what went wrong, with a way out. */

import { h, refill } from "./dom.js";
import { button } from "./fields.js";
import { persistently } from "./patience.js";
import { Problem } from "./wire.js";
import { plainly, t } from "./words.js";

const TICK = 500;

/** Tell of questions in an element. Returns {ask(attempt(signal, show), heard(found)), wrong, stop}; a new one ends the one before. */
export function createInquiry(element) {
  let control = null;
  let timer = 0;
  element.setAttribute("role", "status");

  function show(...parts) {
    clearInterval(timer);
    refill(element, parts);
    element.hidden = parts.length === 0;
  }

  function stop() {
    control?.abort();
    show();
  }

  async function ask(attempt, heard) {
    stop();
    const { signal } = (control = new AbortController());
    const busy = () => show(h("progress", { "aria-label": t("ask.thinking") }));
    const tried = () => {
      busy();
      return attempt(signal, show);
    };
    try {
      const found = await persistently(tried, { signal, onWait: waiting });
      if (signal.aborted) return;
      show();
      heard(found);
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      wrong(problem, () => ask(attempt, heard));
    }
  }

  function waiting({ problem, until, now }) {
    const line = h("p");
    const count = () => {
      const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      line.textContent = t(problem.slug === "lost" ? "ask.lost" : "ask.busy", { seconds });
    };
    show(line, button("ask.now", now));
    timer = setInterval(count, TICK);
    count();
  }

  function wrong(problem, again) {
    const text = [h("p", plainly(problem)), problem.detail && h("p.hint", problem.detail)];
    show(h("div.callout.bad", text, button("ask.again", again)));
  }

  return { ask, stop, wrong };
}
