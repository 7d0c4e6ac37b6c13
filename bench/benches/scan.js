import { Helper } from '../support/processes.js';
import { spreadText, table } from '../support/report.js';
import { median } from '../support/statistics.js';

const CHAT_BYTES = 1024;
const CHATS = 5000;
const MOST_US = 100;
const FORM_MIB = 100;
const MOST_MIB = 16;

export const about = `the model of a body, read while it comes in: a chat of 1 KiB, and a form with ${FORM_MIB} MiB before it (in one process, no sockets)`;

export async function run({ root, rounds, goals }) {
  const helper = await Helper.start('contestants/scanners.js', { env: { BENCH_ROOT: root } });
  const [chats, forms] = [[], []];
  // The first round warms the code up.
  for (let round = 0; round <= rounds; round += 1) {
    const chat = await helper.ask('chat', { bytes: CHAT_BYTES, count: CHATS });
    const form = await helper.ask('form', { mib: FORM_MIB });
    if (round === 0) continue;
    chats.push(chat);
    forms.push(form);
  }
  await helper.end();
  report({ chats, forms, goals });
}

function report({ chats, forms, goals }) {
  const of = (rounds, key) => rounds.map((round) => round[key]);
  table(['body', 'p50 µs', 'p99 µs', 'MiB/s', 'grown MiB'], [
    [`chat of ${chats[0]?.bytes} bytes`, ...['p50', 'p99'].map((key) => spreadText(of(chats, key))), '-', '-'],
    [`form of ${FORM_MIB} MiB, its model last`, '-', '-', spreadText(of(forms, 'mibPerS')), spreadText(of(forms, 'grown'))],
  ]);
  goals.atMost('scan: read in a chat of 1 KiB, p50', MOST_US, { measured: median(of(chats, 'p50')), unit: ' µs' });
  goals.atMost(`scan: growth with ${FORM_MIB} MiB before it`, MOST_MIB, { measured: Math.max(...of(forms, 'grown')), unit: ' MiB' });
}
