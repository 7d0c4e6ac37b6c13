// The traffic: clients that each do one thing after another, chosen by chance, until they are told to stop.
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent } from '../../bench/support/child.js';
import { HANG_MS, ask } from '../support/http.js';
import { randomFrom } from '../support/random.js';
import { LEAVING } from './leaving.js';
import { ORDINARY } from './ordinary.js';

const DEEDS = [...ORDINARY, ...LEAVING];
const WEIGHT = DEEDS.reduce((sum, { weight }) => sum + weight, 0);

/** A client that was refused tries something else after this, ms: a pause must not turn all of the traffic into refusals. */
const REFUSED_MS = 50;

/** Several exchanges of one deed, each of which may be silent for `HANG_MS`. */
const DEED_LIMIT_MS = 2 * HANG_MS;

let isStopping = false;
let hasTold = false;
let clients = [];
/** By deed, and within by outcome: how often. */
let seen = {};

async function client(port, random) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  while (!isStopping) {
    const deed = chosen(random());
    const outcome = await bounded(deed.run({ port, agent, random }));
    if (outcome === 'hang') await tellOnce(deed.name, port);
    const outcomes = (seen[deed.name] ??= {});
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (outcome.startsWith('503')) await delay(REFUSED_MS);
  }
  agent.destroy();
}

/** `hang`, if it takes longer than anything of the daemon's may. */
async function bounded(running) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, DEED_LIMIT_MS, 'hang')));
  return Promise.race([running, late]).finally(() => clearTimeout(timer));
}

/** What the daemon says of itself while a client hangs. */
async function tellOnce(name, port) {
  if (hasTold) return;
  hasTold = true;
  const { consumers, scheduler, leases } = JSON.parse((await ask(port, { path: '/v1/status' })).text);
  console.error(`\nhangs: ${name}, while the daemon says ${JSON.stringify({ scheduler, leases, consumers })}`);
}

function chosen(share) {
  let left = share * WEIGHT;
  return DEEDS.find(({ weight }) => (left -= weight) < 0) ?? DEEDS[0];
}

answerParent({
  start({ port, count, seed }) {
    isStopping = false;
    seen = {};
    clients = Array.from({ length: count }, (_, index) => client(port, randomFrom(seed + index)));
  },
  /** Resolves when every client has ended what it was at. */
  async stop() {
    isStopping = true;
    await Promise.all(clients);
    return seen;
  },
});
