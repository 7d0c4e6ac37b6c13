import { key } from './key.js';

/** An answer that is an error of the broker's, or of something in front of it. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
    /** Trying again is of no use, only another key would help; or there is nothing at that path. */
    this.isFinal = status === 401 || status === 403 || status === 404 || status === 501;
  }
}

/**
 * Asks the broker, with the key if one was typed in.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 * @throws {Refusal} for any status but 2xx
 */
export async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key.value !== '') headers.set('Authorization', `Bearer ${key.value}`);
  const answer = await fetch(path, { ...options, headers, cache: 'no-store' });
  if (!answer.ok) throw new Refusal(answer.status, forPeople(answer.status, await messageIn(answer)));
  return answer;
}

/**
 * Asks for JSON.
 * @param {string} path
 * @returns {Promise<unknown>}
 */
export async function askJson(path) {
  return (await ask(path)).json();
}

/**
 * Has something done.
 * @param {'POST' | 'DELETE'} method
 * @param {string} path
 * @param {unknown} [body]
 */
export async function act(method, path, body) {
  const content = body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  await ask(path, { method, ...content });
}

/**
 * The broker tells programs how to send a key; who reads it here has a field for it.
 * @param {number} status
 * @param {string} message
 */
function forPeople(status, message) {
  return status === 401 && key.value === '' ? `${message.replace(/:.*$/s, '')}: type in a key that has it at the top of this page` : message;
}

/**
 * The broker's own words, if it was the broker who answered.
 * @param {Response} answer
 * @returns {Promise<string>}
 */
async function messageIn(answer) {
  try {
    const body = /** @type {unknown} */ (await answer.json());
    if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message);
  } catch {
    // Not JSON: something in front of the broker.
  }
  return `${answer.status} ${answer.statusText}`;
}
