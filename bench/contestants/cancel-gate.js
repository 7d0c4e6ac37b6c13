// The real gate and registry; the card, the hooks and the consumer are stand-ins.
import { cancelSome } from '../support/cancelling.js';
import { answerParent } from '../support/child.js';
import { settingsFor } from '../support/daemon.js';

const lib = (path) => import(`${process.env.BENCH_ROOT}/dist/lib/${path}`);
const { parseConfig } = await lib('config/load.js');
const { Registry } = await lib('consumers/registry.js');
const { Gate } = await lib('gpu/gate.js');
const { systemClock: clock } = await lib('clock.js');

const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const { config } = parseConfig(JSON.stringify(settingsFor(1, { queue: { max_waiting: 20_000 } })), 'bench.yaml', {});
const events = { note: ignore };
const registry = new Registry({ clock, logger, events });
registry.reconfigure(config);
const consumer = registry.current('one');
registry.settleFirstProbe(consumer);
const gate = new Gate({ clock, logger, consumers: registry, hooks: {}, samples: { fresh: async () => null }, completion: {}, events }, config);
gate.open();

let asked = 0;
function add() {
  const place = gate.acquire({
    id: String(++asked), work: 'exchange', consumer, consumerConfig: config.consumers.get('one'), config, maxWaitMs: 600_000,
  });
  return { place, left: place.outcome.catch(ignore) };
}

function cancel({ place, left }) {
  gate.leave(place);
  return left;
}

// Holds the card for good.
await add().left;
const waiters = [];

answerParent({
  fill({ count }) {
    while (waiters.length < count) waiters.push(add());
    if (gate.statistics.waiting !== count) throw new Error(`${gate.statistics.waiting} wait instead of ${count}`);
  },
  cancel: ({ count }) => cancelSome(waiters, { count, cancel, add }),
});
