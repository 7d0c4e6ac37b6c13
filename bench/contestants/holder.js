// A consumer that holds memory of the simulated card from its first job, or its load hook, until some time after its unload hook.
import http from 'node:http';
import { answerParent } from '../support/child.js';

const { CardMemory } = await import(`${process.env.BENCH_ROOT}/dist/lib/demo/card.js`);
const memory = new CardMemory(process.env.BENCH_CARD);
let settings;
let isLoaded = false;
/** On the clock that all processes share, ms. */
let freedAt = null;

/** Monotonic, the same in every process of the machine; ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

function load() {
  if (!isLoaded) memory.allocate('holder', settings.mib);
  isLoaded = true;
}

function unload() {
  setTimeout(() => {
    memory.hold('holder', 0);
    isLoaded = false;
    freedAt = now();
  }, settings.freedAfterMs);
}

function work() {
  const reachedAt = now();
  load();
  return { reachedAt };
}

const PATHS = { '/unload': unload, '/load': load, '/work': work };

const server = http.createServer((req, res) => {
  req.resume();
  const body = JSON.stringify(PATHS[req.url]?.() ?? {});
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  res.end(body);
});

answerParent({
  async start(given) {
    settings = given;
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return server.address().port;
  },
  freedAt: () => freedAt,
});
