import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCard } from '../../lib/demo/card.ts';
import type { Card } from '../../lib/demo/card.ts';
import { demoConfig } from '../../lib/demo/demo-config.ts';
import { Fleet, SERVERS } from '../../lib/demo/fleet.ts';
import { demoRequest } from '../../lib/demo/request-set.ts';
import { serveUnit } from '../../lib/demo/unit.ts';
import type { Kind } from '../../lib/config/types.ts';
import { openRequest, request } from './http.ts';
import type { OpenRequest } from './http.ts';
import { ServeProcess } from './serve-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CARD_MIB = 16_376;

/** What `mgpumanager demo` shows, for a test to play with: the daemon as a process, and four simulated servers on a simulated card. */
export class DemoBroker {
  readonly fleet: Fleet;
  readonly #folder: string;
  readonly #card: Card;
  readonly #adminKey: string;
  #unit: Server | null = null;
  #daemon: ServeProcess | null = null;
  #url = '';
  #seed = 1;

  constructor(adminKey: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'mgpu-demo-'));
    this.#card = createCard(this.#folder, { totalMib: CARD_MIB });
    this.fleet = new Fleet(this.#card.dir);
    this.#adminKey = adminKey;
  }

  get url(): string {
    return this.#url;
  }

  async start(): Promise<void> {
    this.#unit = await serveUnit(this.#socket, (action) => (action === 'start' ? this.fleet.start('whisper') : this.fleet.stop('whisper')));
    await Promise.all(SERVERS.map((name) => this.fleet.start(name)));
    await this.startDaemon();
  }

  /** Starts the daemon; again where it was. */
  async startDaemon(): Promise<void> {
    const listen = this.#url === '' ? '127.0.0.1:0' : new URL(this.#url).host;
    const unit = { command: [process.execPath, join(ROOT, 'lib', 'demo', 'unit.ts')], socket: this.#socket };
    const config = demoConfig({ listen, fleet: this.fleet, stateFile: join(this.#folder, 'state.json'), unit, adminKey: this.#adminKey });
    this.#daemon = new ServeProcess({ config, env: { ...process.env, PATH: `${this.#card.binDir}:${process.env['PATH'] ?? ''}` } });
    this.#url = await this.#daemon.url();
  }

  /** Kills the daemon; its servers live on. */
  async killDaemon(): Promise<void> {
    await this.#daemon?.cleanup();
    this.#daemon = null;
  }

  /** Sends what the demo sends; an image is another each time, so that it has to be made. */
  send(kind: Kind): OpenRequest {
    const { method, path, headers, body } = demoRequest(kind, this.#seed++);
    return openRequest({ url: this.#url + path, method, headers, body });
  }

  /** Takes the card for a consumer, and keeps it until the function that this resolves with is called. */
  async hold(consumer: string): Promise<() => Promise<void>> {
    const taken = await request({ url: `${this.#url}/v1/leases`, method: 'POST', body: { consumer } });
    const { id, token } = JSON.parse(taken.body);
    return async () => {
      await request({ url: `${this.#url}/v1/leases/${id}`, method: 'DELETE', headers: { 'X-GPU-Lease': token } });
    };
  }

  async stop(): Promise<void> {
    await this.killDaemon();
    this.#unit?.close();
    await this.fleet.stopAll();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #socket(): string {
    return join(this.#folder, 'unit.sock');
  }
}
