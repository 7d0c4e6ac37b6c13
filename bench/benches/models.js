import { consumerAt, settingsFor, startDaemon } from '../support/daemon.js';
import { Helper, rssMib } from '../support/processes.js';
import { figure, spreadText, table } from '../support/report.js';
import { chatRequest } from '../support/requests.js';
import { median } from '../support/statistics.js';

const CHAT_BYTES = 1024;
const MOST_ADDED_US = 100;
const FORM_MIB = 100;
const MOST_MIB = 64;
const SAMPLE_MS = 50;
/** Until V8 has compiled what is hot, s. */
const WARM_SECONDS = 3;
/** One body at two paths: at the first nobody reads it. */
const PATHS = ['/v1/llm', '/v1/chat/completions'];

export const about = `routing by the model in the body, through the daemon: what it adds to a chat of 1 KiB, and its memory for a form of ${FORM_MIB} MiB with the model last`;

/** Interleaved: in each round each path takes its turn, and the difference is that of one round. */
export async function run({ root, rounds, seconds, goals }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const client = await Helper.start('contestants/clients.js');
  const port = await upstream.ask('start');
  const daemon = await startDaemon(settingsFor(port, { models: { bench: { consumer: 'one' } }, consumers: { one: consumerAt(port, { gpu_paths: ['POST /*'] }) } }), { root });
  try {
    await daemon.probed();
    await latency({ client, port: daemon.port, rounds, seconds, goals });
    await memory({ client, daemon, goals });
  } finally {
    await Promise.all([client.end(), daemon.end(), upstream.end()]);
  }
}

async function latency({ client, port, rounds, seconds, goals }) {
  const times = PATHS.map(() => []);
  for (const path of PATHS) await client.ask('load', { port, request: chatRequest(path, CHAT_BYTES), connections: 1, seconds: WARM_SECONDS });
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, path] of PATHS.entries()) {
      const { p50 } = await client.ask('load', { port, request: chatRequest(path, CHAT_BYTES), connections: 1, seconds });
      times[index].push(p50 * 1000);
    }
  }
  const [unread, read] = times;
  const added = read.map((us, round) => us - unread[round]);
  table(['path', 'p50 µs at 1'], PATHS.map((path, index) => [path, spreadText(times[index])]));
  console.log(`\nadded by the model: ${spreadText(added)} µs`);
  goals.atMost('models: added to a chat of 1 KiB, p50', MOST_ADDED_US, { measured: median(added), unit: ' µs' });
}

async function memory({ client, daemon: { pid, port }, goals }) {
  await client.ask('uploadForm', { port, mib: FORM_MIB / 4 });
  const before = rssMib(pid);
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, rssMib(pid))), SAMPLE_MS);
  await client.ask('uploadForm', { port, mib: FORM_MIB });
  clearInterval(timer);
  table(['RSS before MiB', 'peak MiB', 'grown MiB'], [[before, peak, peak - before].map(figure)]);
  goals.atMost(`models: growth with a form of ${FORM_MIB} MiB`, MOST_MIB, { measured: peak - before, unit: ' MiB' });
}
