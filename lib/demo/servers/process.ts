import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CardMemory } from '../card.ts';
import { isObject, messageOf } from './http.ts';
import type { DemoServer, DemoServerOptions, Quirks } from './http.ts';

const OPTIONS = {
  port: { type: 'string' },
  card: { type: 'string' },
  speed: { type: 'string', default: '1' },
  quirks: { type: 'string', default: '{}' },
} as const;

/** Whether `moduleUrl` is what Node was started with. `import.meta.main` is not in Node 22. */
export function isMain(moduleUrl: string): boolean {
  const started = process.argv[1];
  return started !== undefined && existsSync(started) && realpathSync(started) === fileURLToPath(moduleUrl);
}

/** Runs a demo server as this process: `--port N --card DIR [--speed FACTOR] [--quirks JSON]`. Says when it listens, and ends with its parent. */
export async function runAsProcess(name: string, create: (options: DemoServerOptions) => DemoServer): Promise<void> {
  // A closed pipe or a full disk behind stdout must not end the server.
  process.stdout.on('error', () => undefined);
  for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(event, () => process.exit(0));
  try {
    const port = await listen(name, create);
    process.send?.({ listening: port });
    process.stdout.write(`${name} listens on http://127.0.0.1:${port}\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

async function listen(name: string, create: (options: DemoServerOptions) => DemoServer): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  const port = numberOf('--port', values.port);
  if (values.card === undefined) throw new Error('--card DIR is missing');
  const card = new CardMemory(values.card);
  process.on('exit', () => card.hold(name, 0));
  const { server, prepare } = create({ card, speed: numberOf('--speed', values.speed), quirks: quirksIn(values.quirks) });
  await prepare();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function numberOf(option: string, text: string | undefined): number {
  const value = Number(text ?? Number.NaN);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${option}: expected a number, got ${text ?? 'nothing'}`);
}

function quirksIn(text: string): Quirks {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('--quirks: expected a JSON object of booleans');
  return Object.fromEntries(Object.entries(value).map(([name, on]) => [name, on === true]));
}
