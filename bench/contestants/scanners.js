// The scanners that read the model of a body while it is taken in. What feeds them is a stand-in.
import { randomFillSync } from 'node:crypto';
import { answerParent } from '../support/child.js';
import { percentile } from '../support/statistics.js';

const lib = (path) => import(`${process.env.BENCH_ROOT}/dist/lib/${path}`);
const { JsonScanner } = await lib('core/json-scan.js');
const { FormScanner } = await lib('core/form-scan.js');
const { modelIn } = await lib('core/scanned-body.js');

const CHUNK_BYTES = 64 * 1024;
const MIB = 1024 * 1024;
const field = (name, value, more = '') => `--bench\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}`;
const rss = () => process.memoryUsage.rss() / MIB;

answerParent({
  /** Times in µs. */
  chat({ bytes, count }) {
    const body = chatBody(bytes);
    const times = Array.from({ length: count }, () => {
      const startedAt = performance.now();
      check(modelOf(new JsonScanner(), [body]));
      return (performance.now() - startedAt) * 1000;
    });
    return { bytes: body.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
  },
  form({ mib }) {
    const scanner = new FormScanner('bench');
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let [seconds, peak] = [0, 0];
    const before = rss();
    scanner.feed(Buffer.from(field('file', '', '; filename="sound.wav"')));
    for (let fed = 0; fed < mib * MIB; fed += CHUNK_BYTES) {
      randomFillSync(chunk);
      const startedAt = performance.now();
      scanner.feed(chunk);
      seconds += (performance.now() - startedAt) / 1000;
      peak = Math.max(peak, rss());
    }
    check(modelOf(scanner, [Buffer.from(`\r\n${field('model', 'whisper-1')}\r\n--bench--\r\n`)]));
    return { mibPerS: mib / seconds, grown: peak - before };
  },
});

function modelOf(scanner, chunks) {
  for (const chunk of chunks) scanner.feed(chunk);
  return modelIn(scanner.end());
}

function check({ type, model }) {
  if (type !== 'found') throw new Error(`the model was not found: ${type} ${model}`);
}

/** As clients send it: the model first, then what has been said. */
function chatBody(bytes) {
  const messages = [];
  const text = () => JSON.stringify({ model: 'whisper-1', stream: true, temperature: 0.7, messages });
  while (text().length < bytes) messages.push({ role: messages.length % 2 === 0 ? 'user' : 'assistant', content: 'And what is the "cushion" for?\nTell me.' });
  return Buffer.from(text());
}
