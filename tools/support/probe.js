// Loaded into the daemon by `--import`, so that it can be asked what it holds; the daemon itself is unchanged. It ends with the
// process that started it.
import { EventEmitter } from 'node:events';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** Node's class of timers has no public name. */
const Timeout = setTimeout(() => undefined, 0).constructor;

/**
 * What must not be more at rest after a run than before it. Sockets, servers, requests and responses are all emitters; each class costs
 * a walk through the heap of some 400 ms.
 */
const CLASSES = { timers: Timeout, emitters: EventEmitter, 'abort signals': AbortSignal, promises: Promise };

const warnings = [];
process.on('warning', ({ name, message }) => {
  // `queryObjects` is one.
  if (name !== 'ExperimentalWarning') warnings.push(`${name}: ${message}`);
});

/** Some 20 ms: may be asked under load. Bytes and counts; of memory only what is still needed, or the collector's ups and downs would hide a leak. */
function look() {
  collectGarbage();
  const { rss, heapUsed } = process.memoryUsage();
  const active = Object.groupBy(process.getActiveResourcesInfo(), (name) => name);
  const count = (name) => active[name]?.length ?? 0;
  return { rss, heapUsed, timers: count('Timeout'), sockets: count('TCPSocketWrap'), listeners: listenersOf(process) };
}

function listenersOf(emitter) {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
}

/** Dear: collects all garbage and counts what is left. */
function census() {
  const objects = Object.fromEntries(Object.entries(CLASSES).map(([name, type]) => [name, queryObjects(type, { format: 'count' })]));
  const { heapUsed, external } = process.memoryUsage();
  return { objects: { ...objects, 'listeners of the process': listenersOf(process) }, heapUsed, external, warnings };
}

const ANSWERS = { look, census };
process.on('message', ({ id, ask }) => process.send({ id, result: ANSWERS[ask]() }));
process.once('disconnect', () => process.exit());
// The listeners alone would keep the process alive.
process.channel?.unref();
