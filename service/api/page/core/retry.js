// @ts-check
/* Requests that are repeated: after a lost connection, and where a busy service names a time to wait. */

import { Problem } from "./http.js";

/** @import { Wait } from "../types.js" */

const LONGEST = 15; // seconds between two attempts, where the service names none
const MOST_ATTEMPTS = 8; // at a busy service

const SOON = 5; // seconds: a loading model names 1 or 2, a model without weights 60

/**
 * Whether the same request may succeed later without any change.
 * @param {Pick<Problem, "slug" | "retryAfter">} problem
 */
export function isTransient({ slug, retryAfter }) {
  const loading = slug === "model-unavailable" && retryAfter !== null && retryAfter <= SOON;
  return ["lost", "overloaded", "unavailable"].includes(slug) || loading;
}

/**
 * The seconds to wait after a number of failed attempts: what the service names, or 1, 2, 4 ... 15.
 * @param {Pick<Problem, "retryAfter">} problem
 * @param {number} attempts
 */
export function delay({ retryAfter }, attempts) {
  return retryAfter === null ? Math.min(LONGEST, 2 ** attempts) : Math.min(60, Math.max(retryAfter, 0.5));
}

/**
 * The result of `attempt`, repeated while its problems are transient. A lost connection is retried without limit, and
 * at once when the browser is online again. onWait hears of each wait.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {{signal?: AbortSignal, onWait?: (wait: Wait) => void}} options
 * @returns {Promise<T>}
 */
export async function withRetries(attempt, { signal, onWait }) {
  for (let attempts = 0; ; attempts += 1) {
    try {
      return await attempt();
    } catch (problem) {
      if (!(problem instanceof Problem) || !isTransient(problem)) throw problem;
      if (problem.slug !== "lost" && attempts >= MOST_ATTEMPTS) throw problem;
      await wait(delay(problem, attempts), problem, signal, onWait);
    }
  }
}

/**
 * @param {number} seconds
 * @param {Problem} problem
 * @param {AbortSignal} [signal]
 * @param {(wait: Wait) => void} [onWait]
 * @returns {Promise<void>}
 */
function wait(seconds, problem, signal, onWait) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      globalThis.removeEventListener("online", end);
      signal?.removeEventListener("abort", abort);
    };
    const end = () => {
      stop();
      resolve();
    };
    const abort = () => {
      stop();
      reject(new DOMException("cancelled", "AbortError"));
    };
    const timer = setTimeout(end, seconds * 1000);
    globalThis.addEventListener("online", end);
    signal?.addEventListener("abort", abort);
    onWait?.({ problem, until: performance.now() + seconds * 1000, now: end });
  });
}
