import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../support/http.js';
import { settingsFor } from './settings.js';

/** Between two of them, ms. */
const PAUSE_MS = 1000;
/** Some readings of the card fall into it. */
const CARD_LOST_MS = 2500;

const post = (daemon, path, body = '{}') => ask(daemon.port, { method: 'POST', path, headers: { 'Content-Type': 'application/json' }, body });

/** What an operator, the servers and the card do meanwhile. Each gets the daemon, the fakes by name, their ports, the card's folder, and the number of its turn. */
const DISTURBANCES = {
  'reload, delta comes or goes'({ daemon, ports, turn }) {
    daemon.configure(settingsFor(ports, { withDelta: turn % 2 === 0, aging: `${1 + (turn % 3)}s` }));
    daemon.signal('SIGHUP');
  },
  'reload, not valid'({ daemon }) {
    writeFileSync(daemon.config, 'consumers: { alpha: { url: nonsense } }\nno_such_key: 1\n');
    daemon.signal('SIGHUP');
  },
  'reload, twice at once'({ daemon, ports }) {
    daemon.configure(settingsFor(ports));
    for (const signal of ['SIGHUP', 'SIGHUP']) daemon.signal(signal);
  },
  async 'pause and resume'({ daemon }) {
    await post(daemon, '/v1/pause', '{"by":"soak"}');
    await delay(100);
    await post(daemon, '/v1/resume');
  },
  async 'pause with unload'({ daemon }) {
    await post(daemon, '/v1/pause', '{"by":"soak","unload":true}');
    await post(daemon, '/v1/resume');
  },
  'unload by hand': ({ daemon }) => post(daemon, '/v1/consumers/beta/unload'),
  'load by hand': ({ daemon }) => post(daemon, '/v1/consumers/beta/load'),
  'load by model': ({ daemon }) => post(daemon, '/models/load', '{"model":"soak-chat"}'),
  'a server refuses for a while': ({ fakes, turn }) => fakes[['alpha', 'beta'][turn % 2]].ask('refuse', 300),
  'a server stands still': ({ fakes, turn }) => standStill(fakes[['alpha', 'beta'][turn % 2]].pid, 700),
  'the daemon stands still': ({ daemon }) => standStill(daemon.pid, 300),
  'the card is lost for a while': ({ card }) => withCard(card, 'echo "GPU is lost"; exit 15'),
  'the card does not answer for a while': ({ card }) => withCard(card, 'exec sleep 5'),
};

async function standStill(pid, ms) {
  process.kill(pid, 'SIGSTOP');
  await delay(ms);
  process.kill(pid, 'SIGCONT');
}

/** Its nvidia-smi runs a line of shell instead. */
async function withCard(card, line) {
  const mode = join(card, 'mode');
  writeFileSync(mode, `${line}\n`);
  await delay(CARD_LOST_MS);
  rmSync(mode);
}

/** Does one after another until it is stopped. */
export class Disturber {
  #isStopping = false;
  #running;
  /** By name: how often. */
  done = {};

  start(at) {
    this.#running = this.#run(at);
  }

  /** Ends with a good configuration and no pause. */
  async stop({ daemon, ports }) {
    this.#isStopping = true;
    await this.#running;
    daemon.configure(settingsFor(ports));
    daemon.signal('SIGHUP');
    await post(daemon, '/v1/resume');
  }

  async #run(at) {
    const all = Object.entries(DISTURBANCES);
    for (let number = 0; !this.#isStopping; number += 1) {
      const [name, disturb] = all[number % all.length];
      await disturb({ ...at, turn: Math.floor(number / all.length) });
      this.done[name] = (this.done[name] ?? 0) + 1;
      await delay(PAUSE_MS);
    }
  }
}
