// Requests and what can go wrong with them.

/** What the server, or the way to it, had against a request. */
export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status; 0 if there was no answer
   * @param {string} reason the reason of its ErrorInfo, as docs/errors.md lists them
   * @param {string} message
   * @param {{field: string, description: string}[]} violations the fields at fault
   * @param {string} retryDelay how long to wait, as proto3 JSON has it
   */
  constructor(status, reason, message, violations = [], retryDelay = '1s') {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.violations = violations;
    this.retryDelay = retryDelay;
  }

  /** Whether the same request may well succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status === 503;
  }
}

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {Record<string, any>} [query] what is empty is left out
 * @property {any} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/**
 * One request, and its answer from JSON.
 * @param {Request} request
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
async function send({ method, path, query, body, headers = {}, signal }) {
  let response;
  let text;
  try {
    response = await fetch(path + search(query), {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
    text = await response.text(); // an answer that breaks off is none
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'UNREACHABLE', '');
  }
  const answer = parsed(text);
  if (response.ok) return answer;
  throw problem(response, answer);
}

/**
 * A request and its answer, tried again after a moment while the way to the server fails.
 * @param {Request} request one that may be repeated
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function sendAgain(request) {
  for (const wait of [300, 1200]) {
    try {
      return await send(request);
    } catch (error) {
      if (!(error instanceof ApiError && error.passing) || !navigator.onLine) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait * (1 + Math.random())));
    }
  }
  return send(request);
}

/** A name that nothing else has, for an Idempotency-Key. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing over plain HTTP
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** An answer; a proxy in between may have told its trouble in a page. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function problem(response, answer) {
  const details = Array.isArray(answer.details) ? answer.details : [];
  const about = (name) => details.find((detail) => String(detail['@type']).endsWith(name)) ?? {};
  const reason = about('google.rpc.ErrorInfo').reason ?? 'UNKNOWN';
  return new ApiError(response.status, reason, answer.message ?? response.statusText, about('google.rpc.BadRequest').fieldViolations, about('google.rpc.RetryInfo').retryDelay);
}

function search(query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return pairs.length ? `?${new URLSearchParams(pairs)}` : '';
}
