import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KINDS } from '../config/types.ts';
import type { Kind } from '../config/types.ts';
import { BrokerProcess, DaemonEnded } from '../demo/broker-process.ts';
import { createCard } from '../demo/card.ts';
import { demoConfig } from '../demo/demo-config.ts';
import { Fleet, SERVERS } from '../demo/fleet.ts';
import { curlLines, demoRequest } from '../demo/request-set.ts';
import { remarkOn, timesTable } from '../demo/showing.ts';
import type { Shown } from '../demo/showing.ts';
import { serveUnit } from '../demo/unit.ts';
import { packageFolder } from '../version.ts';

/** How `demo` is started. */
export interface DemoOptions {
  /** HOST:PORT of the daemon. */
  readonly listen?: string;
}

const CARD_MIB = 16_376;
/** Short enough to be copied, and nobody guesses it. */
const KEY_BYTES = 9;

/** The real daemon on a simulated card with four simulated servers: shows what it does, then stays up. Returns the exit code. */
export async function demo({ listen = '127.0.0.1:8770' }: DemoOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'mgpumanager-demo-'));
  const card = createCard(folder, { totalMib: CARD_MIB });
  const fleet = new Fleet(card.dir);
  const ending = endingSignal();
  const socket = join(folder, 'unit.sock');
  const unit = await serveUnit(socket, (action) => (action === 'start' ? fleet.start('whisper') : fleet.stop('whisper')));
  let broker: BrokerProcess | null = null;
  try {
    say(`A simulated card of ${CARD_MIB} MiB, and four servers that share it: ${SERVERS.join(', ')}.`);
    await Promise.all(SERVERS.map((name) => fleet.start(name)));
    const config = join(folder, 'config.yaml');
    const adminKey = randomBytes(KEY_BYTES).toString('base64url');
    writeFileSync(config, JSON.stringify(demoConfig({ listen, fleet, stateFile: join(folder, 'state.json'), unit: { command: unitCommand(), socket }, adminKey }), null, 2));
    broker = new BrokerProcess({
      bin: join(packageFolder(), 'bin', 'mgpumanager.js'),
      config,
      env: { ...process.env, PATH: `${card.binDir}:${process.env['PATH'] ?? ''}` },
      onLine: (record) => {
        const remark = remarkOn(record);
        if (remark !== null) say(`    ${remark}`);
      },
    });
    const url = await broker.listening();
    await show(url);
    invite({ url, config, adminKey });
    await Promise.race([ending, broker.exited()]);
    return 0;
  } catch (error) {
    if (!(error instanceof DaemonEnded)) throw error;
    if (error.code === 4) process.stderr.write('Is another daemon running? Try: npm run demo -- --listen 127.0.0.1:0\n');
    return error.code;
  } finally {
    broker?.end('SIGTERM');
    await broker?.exited();
    unit.close();
    await fleet.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the unit command as this process was started. */
function unitCommand(): string[] {
  const file = import.meta.filename.endsWith('.ts') ? 'unit.ts' : 'unit.js';
  return [process.execPath, join(import.meta.dirname, '..', 'demo', file)];
}

async function show(url: string): Promise<void> {
  say(`\nThe daemon listens on ${url}. One request of each kind, all at once; the card is given to one at a time:`);
  const first = await Promise.all(KINDS.map((kind) => send(url, kind)));
  say(`\n${timesTable(first)}`);
  say('\nAn image needs most of the card, so others had to go. Speech again: it is loaded again, and now something else goes:');
  say(`\n${timesTable([await send(url, 'tts'), await send(url, 'stt')])}`);
}

function invite({ url, config, adminKey }: { readonly url: string; readonly config: string; readonly adminKey: string }): void {
  const bin = 'npx mgpumanager';
  say(`\nIt stays up. Open ${url}/ui in a browser; the key that loads, unloads, cancels and shows the log there is ${adminKey}`);
  say(`Or try, in another terminal:\n`);
  for (const line of new Set(KINDS.flatMap((kind) => curlLines(kind, url)))) say(`  ${line}`);
  say(`  curl -sS ${url}/v1/status\n  curl -sS '${url}/v1/plan?kind=image'`);
  say(`  ${bin} --url ${url} top\n  ${bin} --url ${url} status --watch\n  ${bin} --url ${url} plan --kind image\n`);
  say(`OpenAI's clients go to ${url}/v1, Anthropic's to ${url}, Ollama's to ${url}/ollama, a browser to ComfyUI at ${url}/comfyui/ (docs/clients.md).`);
  say(`Its configuration is ${config}. Ctrl-C ends everything.`);
}

/** Sends one demo request and reads its answer to the end. */
function send(url: string, kind: Kind): Promise<Shown> {
  const { method, path, headers, body } = demoRequest(kind, Date.now());
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<Shown>();
  const sent = request(url + path, { method, headers, agent: false }, (answer) => {
    answer.resume();
    answer.once('end', () =>
      resolve({
        kind,
        status: answer.statusCode ?? 0,
        consumer: String(answer.headers['x-consumer'] ?? '-'),
        timing: String(answer.headers['server-timing'] ?? ''),
        totalMs: performance.now() - startedAt,
      }),
    );
    answer.once('error', reject);
  });
  sent.once('error', reject);
  sent.end(body);
  return promise;
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once; its servers end with it. */
function endingSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isEnding = false;
  const onSignal = (): void => {
    if (isEnding) process.exit(130);
    isEnding = true;
    resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return promise;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
