import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { isRecord } from '../core/records.ts';
import type { Logger } from '../logger.ts';

/** What it works with. */
export interface WhoisServices {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Socket of the daemon. Default: where Tailscale's own package puts it. */
  readonly socketPath?: string | undefined;
}

const SOCKET = '/var/run/tailscale/tailscaled.sock';
/** The only name that the daemon answers to: https://github.com/tailscale/tailscale/blob/main/client/tailscale/apitype/apitype.go */
const HOST = 'local-tailscaled.sock';
const LIMIT_MS = 500;
const KNOWN_MS = 60_000;
const FAILED_MS = 5000;
/** Addresses that are remembered; those that were asked about first are forgotten first. */
const MOST = 256;
const LARGEST_ANSWER = 256 * 1024;
const LONGEST_LOGIN = 254;

type Login = string | null;

interface Remembered {
  readonly answer: Promise<Login>;
  /** When it is asked again, monotonic, ms. */
  until: number;
}

/** Asks the Tailscale daemon of this machine who is at the other end of a connection. Whatever goes wrong means: not known. */
export class TailscaleWhois {
  readonly #services: WhoisServices;
  readonly #bySocket = new WeakMap<Socket, string>();
  readonly #byAddress = new Map<string, Remembered>();
  #isFailing = false;

  constructor(services: WhoisServices) {
    this.#services = services;
  }

  /** Of a connection whose peer is known it says so at once. A promise of it never rejects, and lasts LIMIT_MS at most. */
  loginOf(socket: Socket): Login | Promise<Login> {
    const { remoteAddress: address, remotePort: port } = socket;
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    if (address === undefined || port === undefined) return null;
    return this.#remembered(address, port).then((login) => {
      if (login !== null) this.#bySocket.set(socket, login);
      return login;
    });
  }

  #remembered(address: string, port: number): Promise<Login> {
    const { clock } = this.#services;
    const before = this.#byAddress.get(address);
    if (before !== undefined && clock.now() < before.until) return before.answer;
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    const remembered: Remembered = {
      answer: this.#ask(`${isIPv6(plain) ? `[${plain}]` : plain}:${port}`).then((login) => {
        remembered.until = clock.now() + (login === null ? FAILED_MS : KNOWN_MS);
        return login;
      }),
      until: Number.POSITIVE_INFINITY,
    };
    this.#byAddress.delete(address);
    this.#byAddress.set(address, remembered);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size > MOST && oldest !== undefined) this.#byAddress.delete(oldest);
    return remembered.answer;
  }

  async #ask(peer: string): Promise<Login> {
    try {
      const { status, body } = await question(this.#services.socketPath ?? SOCKET, `/localapi/v0/whois?addr=${encodeURIComponent(peer)}`);
      this.#isFailing = false;
      return status === 200 ? loginIn(body) : null;
    } catch (error) {
      this.#say(error);
      return null;
    }
  }

  /** Once, until it answers again. */
  #say(error: unknown): void {
    if (!this.#isFailing) this.#services.logger.warn('the Tailscale daemon does not say who its peers are', { reason: error instanceof Error ? error.message : String(error) });
    this.#isFailing = true;
  }
}

async function question(socketPath: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  http.get({ socketPath, path, headers: { Host: HOST }, agent: false, signal: AbortSignal.timeout(LIMIT_MS) }, resolve).on('error', reject);
  const answer = await promise;
  let body = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    body += String(chunk);
    if (body.length > LARGEST_ANSWER) throw new Error('its answer is too large');
  }
  return { status: answer.statusCode ?? 0, body };
}

/** https://pkg.go.dev/tailscale.com/client/tailscale/apitype#WhoIsResponse */
function loginIn(body: string): Login {
  const answer: unknown = JSON.parse(body);
  const profile = isRecord(answer) ? answer['UserProfile'] : null;
  const login = isRecord(profile) ? profile['LoginName'] : null;
  return typeof login === 'string' && login !== '' && login.length <= LONGEST_LOGIN ? login : null;
}
