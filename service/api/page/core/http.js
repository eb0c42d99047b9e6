// @ts-check
/* Requests to the service: JSON answers, problems of RFC 9457, and the progress of uploads. */

/** @import { Problem as ProblemBody } from "../api.js" */
/** @import { Reply, RequestOptions } from "../types.js" */

/** A request that failed. slug: the kind of problem; "lost" where no answer came at all. */
export class Problem extends Error {
  /**
   * retryAfter: seconds, or null where the service names none.
   * @param {{slug: string, status?: number, detail?: string, requestId?: string, retryAfter?: number | null}} fields
   */
  constructor({ slug, status = 0, detail = "", requestId = "", retryAfter = null }) {
    super(detail || slug);
    this.slug = slug;
    this.status = status;
    this.detail = detail;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }

  /**
   * The problem in the body of a response. retryAfter: that header.
   * @param {number} status
   * @param {string} text
   * @param {string | null} retryAfter
   */
  static parse(status, text, retryAfter) {
    /** @type {Partial<ProblemBody>} */
    let body = {};
    try {
      body = JSON.parse(text) ?? {};
    } catch {
      body = {}; // a proxy in between answers in HTML
    }
    const seconds = retryAfter === null || retryAfter === "" ? null : Number(retryAfter);
    return Problem.from({ ...body, status }, seconds);
  }

  /**
   * The problem that a JSON object describes.
   * @param {Partial<ProblemBody>} body
   * @param {number | null} [retryAfter]
   */
  static from({ type = "", status, detail, request_id: requestId }, retryAfter = null) {
    return new Problem({ slug: type.split("/").pop() || "other", status, detail, requestId, retryAfter });
  }
}

/**
 * An address of the service, relative to the page, so that a path prefix in front of both is kept.
 * @param {string} path
 */
export const address = (path) => new URL(path, document.baseURI).href;

/**
 * The JSON that a GET answers with. Throws Problem, and AbortError where the signal is aborted.
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function get(path, signal) {
  const { text } = await request("GET", path, null, { signal });
  return JSON.parse(text);
}

/** @param {string} path */
export const remove = (path) => request("DELETE", path, null);

/**
 * Send the bytes of an image. Throws Problem, and AbortError where the signal is aborted.
 * @param {string} path
 * @param {Blob | null} blob
 * @param {RequestOptions} [options]
 */
export const post = (path, blob, options) => request("POST", path, blob, options);

/**
 * @param {string} verb
 * @param {string} path
 * @param {Blob | null} body
 * @param {RequestOptions} [options]
 * @returns {Promise<Reply>}
 */
function request(verb, path, body, { signal, onUpload } = {}) {
  return new Promise((resolve, reject) => {
    const aborted = () => new DOMException("cancelled", "AbortError");
    if (signal?.aborted) return reject(aborted());
    const call = new XMLHttpRequest(); // fetch has no progress of uploads
    const began = performance.now();
    call.open(verb, address(path));
    call.setRequestHeader("Accept", "application/json");
    if (body) call.setRequestHeader("Content-Type", "application/octet-stream"); // hides the file's name and type
    if (onUpload) {
      call.upload.onprogress = (event) => onUpload(event.lengthComputable ? event.loaded / event.total : 0);
      call.upload.onload = () => onUpload(1);
    }
    call.onload = () => {
      if (call.status >= 200 && call.status < 300) {
        resolve({ text: call.responseText, seconds: (performance.now() - began) / 1000 });
      } else {
        reject(Problem.parse(call.status, call.responseText, call.getResponseHeader("Retry-After")));
      }
    };
    call.onerror = () => reject(new Problem({ slug: "lost" }));
    call.onabort = () => reject(aborted());
    signal?.addEventListener("abort", () => call.abort(), { once: true });
    return call.send(body);
  });
}
