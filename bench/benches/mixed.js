import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startDaemon } from '../support/daemon.js';
import { startFleet } from '../support/fleet.js';
import { mixedRequests } from '../support/mix.js';
import { figure, table } from '../support/report.js';
import { grouped, percentile } from '../support/statistics.js';
import { gapsIn } from '../support/work-gaps.js';

const CARD_MIB = 16_376;
const CLIENTS = 8;
const MOST_RATIO = 1.05;
const LEAST_EVICTIONS = 10;
const SHOWN_OVERLAPS = 5;

export const about = `200 requests of four kinds in bursts, ${CLIENTS} clients, four servers that do not fit on the card together`;

/** What the goal compares the whole time with. */
const SUM = `
The sum is what the servers and the card need for themselves, one after the other:
 work    of the four servers, by their own record: generating, sampling, transcribing, loading weights; what one server does at once counts once;
 unload  hook_ms of the daemon's \`unloaded\` lines: the unload call until the server says, or its process shows, that it is done;
 settle  settle_ms of the same lines: until the card shows the memory free.
The whole time is from the first request to the last answer, or to the end of the last work, whichever is later. So what is left
over is the daemon's: gaps between two requests, planning, readings of the card, seeing that a job has ended or a load is done; and
the start of whisper-server's process until it begins to load.`;

export async function run({ root, goals }) {
  const fleet = await startFleet(root, CARD_MIB);
  try {
    report(await measure(fleet, root), goals);
  } finally {
    await fleet.end();
  }
}

async function measure(fleet, root) {
  const { demoRequest } = await import(`${root}/dist/lib/demo/request-set.js`);
  const daemon = await startDaemon(settingsFor(fleet), { root, path: fleet.path });
  try {
    await daemon.probed();
    const before = fleet.work();
    const requests = mixedRequests(demoRequest);
    const { startedAt, answers } = await send(requests, daemon.port);
    const { evictions } = await atRest(daemon);
    const good = await goodOnes(answers, fleet.url('comfyui'));
    const log = await linesOf(daemon.log, requests.length);
    return { startedAt, answers, good, evictions, log, before, after: fleet.work() };
  } finally {
    await daemon.end();
  }
}

/** Each with the preset of its server; nothing but addresses, footprints and whisper's unit is added. */
function settingsFor(fleet) {
  const whisper = { load: fleet.unitCommand('start'), unload: fleet.unitCommand('stop') };
  const consumers = {
    mvoice: { preset: 'mvoice', url: fleet.url('mvoice'), vram_resident_mib: 2800 },
    'whisper-server': { preset: 'whisper.cpp', url: fleet.url('whisper'), vram_resident_mib: 1500, ...whisper },
    ollama: { preset: 'ollama', url: fleet.url('ollama'), vram_resident_mib: 4000, variables: { model: 'llama3.2:3b' } },
    comfyui: { preset: 'comfyui', url: fleet.url('comfyui'), vram_resident_mib: 12_500 },
  };
  return { routing: { tts: 'mvoice', stt: 'whisper-server', llm: 'ollama', image: 'comfyui' }, consumers };
}

/** Each client takes the next request when it has its answer. */
async function send(requests, port) {
  const answers = [];
  const left = requests.values();
  const startedAt = now();
  const client = async () => {
    for (const { kind, method, path, headers, body } of left) {
      const sentAt = now();
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body });
      const text = await response.text();
      answers.push({ kind, status: response.status, text, at: now(), ms: now() - sentAt });
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { startedAt, answers };
}

/** ComfyUI answers before it works, so that its last job outlives the last answer. */
async function atRest(daemon) {
  for (;;) {
    const { scheduler } = await daemon.status();
    if (scheduler.queue_depth + scheduler.in_flight === 0) return scheduler;
    await delay(20);
  }
}

/** The answers that hold what was asked for; an image, once ComfyUI itself says that it is made. */
async function goodOnes(answers, comfyui) {
  const history = await (await fetch(`${comfyui}/history`)).json();
  const isGood = {
    tts: ({ audio_url: url }) => url !== undefined,
    stt: ({ text }) => text !== undefined,
    llm: ({ done, eval_count: tokens }) => done && tokens > 0,
    image: ({ prompt_id: id }) => history[id]?.status.status_str === 'success',
  };
  return answers.filter(({ kind, status, text }) => status === 200 && isGood[kind](JSON.parse(text.trim().split('\n').at(-1))));
}

/** The daemon's log, which is written a moment late. */
async function linesOf(path, exchanges) {
  for (;;) {
    const text = readFileSync(path, 'utf8');
    const lines = text.slice(0, text.lastIndexOf('\n')).split('\n').map((line) => JSON.parse(line));
    if (lines.filter(({ message, kind }) => message === 'exchange' && kind !== undefined).length >= exchanges) return lines;
    await delay(20);
  }
}

function report(result, goals) {
  const { answers, good, evictions, after, before } = result;
  const sums = sumsOf(result);
  const needed = sums.work + sums.unload + sums.settle;
  console.log(`${SUM.trim()}\n`);
  table(['kind', 'requests', 'p50 ms', 'p95 ms', 'longest ms'], Object.entries(grouped(answers.map(({ kind, ms }) => [kind, ms]))).map(([kind, times]) => {
    return [kind, times.length, ...[percentile(times, 0.5), percentile(times, 0.95), Math.max(...times)].map(figure)];
  }));
  console.log('');
  table(['time', 's'], Object.entries({ ...sums, 'left over': sums.whole - needed }).map(([name, ms]) => [name, (ms / 1000).toFixed(2)]));
  for (const { first, second, ms } of after.overlaps.slice(0, SHOWN_OVERLAPS)) {
    const at = ((second.at - result.startedAt) / 1000).toFixed(2);
    console.log(`\noverlap of ${figure(ms)} ms: ${second.server} began ${second.job} ${at} s after the start while ${first.server} was at ${first.job}`);
  }
  printGaps(after.lines.slice(before.lines.length));
  goals.atMost('mixed: overlaps of work between servers', 0, { measured: after.overlaps.length });
  goals.atMost('mixed: out-of-memory events', 0, { measured: after.ooms.length });
  goals.atLeast('mixed: good answers', answers.length, { measured: good.length });
  goals.atLeast('mixed: evictions', LEAST_EVICTIONS, { measured: evictions });
  goals.atMost('mixed: whole time against the sum of work, unloads and settling', MOST_RATIO, { measured: sums.whole / needed, unit: '×', note: `(${figure(sums.whole / 1000)} s)` });
}

/** All in ms. */
function sumsOf({ startedAt, answers, log, before, after }) {
  const unloads = log.filter(({ message }) => message.startsWith('unloaded'));
  const sum = (field) => unloads.reduce((all, line) => all + line[field], 0);
  const endedAt = Math.max(...answers.map(({ at }) => at), ...after.lines.map(({ at }) => at));
  return { work: after.totalMs - before.totalMs, unload: sum('hook_ms'), settle: sum('settle_ms'), whole: endedAt - startedAt };
}

/** Where the time without work lies; the part before a load has the unloads in it. */
function printGaps(lines) {
  const groups = grouped(gapsIn(lines).map(({ before, ms }) => [before, ms]));
  console.log('');
  table(['no server works, before', 'times', 'p50 ms', 'p95 ms', 'all s'], Object.entries(groups).map(([before, gaps]) => {
    const all = gaps.reduce((sum, ms) => sum + ms, 0);
    return [before, gaps.length, figure(percentile(gaps, 0.5)), figure(percentile(gaps, 0.95)), (all / 1000).toFixed(2)];
  }));
}

/** By the clock of the servers' record, ms. */
function now() {
  return performance.timeOrigin + performance.now();
}
