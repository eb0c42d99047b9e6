// @ts-check
/* One request of a panel at a time: its progress, a lost connection, or what went wrong with a way out. */

import { h, refill } from "../core/dom.js";
import { button } from "../core/fields.js";
import { Problem } from "../core/http.js";
import { withRetries } from "../core/retry.js";
import { problemText, t } from "../core/text.js";

/** @import { Children, Wait } from "../types.js" */

/** @typedef {(...parts: Children[]) => void} Show */

const INTERVAL = 500; // milliseconds between two updates of the seconds to wait

/**
 * Show requests in an element. A new request ends the one before.
 * @param {HTMLElement} element
 */
export function createRequest(element) {
  /** @type {AbortController | null} */
  let control = null;
  let timer = 0;
  element.setAttribute("role", "status");

  /** @type {Show} */
  function show(...parts) {
    clearInterval(timer);
    refill(element, ...parts);
    element.hidden = parts.length === 0;
  }

  function stop() {
    control?.abort();
    show();
  }

  /**
   * Run a request, and hand its result to onResult.
   * @template T
   * @param {(signal: AbortSignal, show: Show) => Promise<T>} attempt
   * @param {(result: T) => void} onResult
   */
  async function send(attempt, onResult) {
    stop();
    control = new AbortController();
    const { signal } = control;
    const start = () => {
      show(h("progress", { "aria-label": t("request.running") }));
      return attempt(signal, show);
    };
    try {
      const result = await withRetries(start, { signal, onWait });
      if (signal.aborted) return;
      show();
      onResult(result);
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      fail(problem, () => send(attempt, onResult));
    }
  }

  /** @param {Wait} wait */
  function onWait({ problem, until, now }) {
    const line = h("p");
    const update = () => {
      const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      line.textContent = t(problem.slug === "lost" ? "request.lost" : "request.busy", { seconds });
    };
    show(line, button("request.now", now));
    timer = window.setInterval(update, INTERVAL);
    update();
  }

  /** @param {Problem} problem @param {() => void} retry */
  function fail(problem, retry) {
    const { detail } = problem;
    const text = [h("p", problemText(problem)), detail && h("p.hint", detail)];
    show(h("div.callout.bad", text, button("request.retry", retry)));
  }

  return { send, stop, fail };
}
