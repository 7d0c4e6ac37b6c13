import { setTimeout as delay } from 'node:timers/promises';
import type { Config, ConsumerConfig, Hook } from '../config/types.ts';
import { callHook } from '../consumers/call-hook.ts';
import { runCommand } from '../consumers/command.ts';
import { probeConsumer } from '../consumers/probe.ts';
import { ask, HOOK_MS, reasonOf, type DaemonAddress } from './client.ts';
import { hookWords } from './doctor-consumers.ts';
import { fail, ok, type Finding } from './finding.ts';
import { duration } from './words.ts';

/** Between two looks at a consumer that is loading. ms. */
const LOOK_MS = 200;

type Action = 'unload' | 'load';

/** Calls a hook; rejects with a reason for people. */
type Call = (consumer: ConsumerConfig, action: Action) => Promise<void>;

/**
 * Unloads and loads each consumer for real, one after the other. `daemon`: the one that runs, by which running work is never cut; null: none
 * runs, so that the hooks are called from here.
 */
export async function tryHooks(config: Config, daemon: DaemonAddress | null): Promise<Finding[]> {
  const call: Call = daemon === null ? (consumer, action) => callDirectly(consumer, action, config) : (consumer, action) => order(daemon, consumer.name, action);
  const findings: Finding[] = [];
  for (const consumer of config.consumers.values()) {
    for (const action of ['unload', 'load'] as const) {
      const hook = consumer[action];
      if (hook !== null) findings.push(await attempt(consumer, { action, hook }, call));
    }
  }
  return findings;
}

/** Names of the consumers whose hooks there are to try. */
export function triable({ consumers }: Config): string[] {
  return [...consumers.values()].filter(({ load, unload }) => load !== null || unload !== null).map(({ name }) => name);
}

async function attempt(consumer: ConsumerConfig, { action, hook }: { readonly action: Action; readonly hook: Hook }, call: Call): Promise<Finding> {
  const startedAt = performance.now();
  try {
    await call(consumer, action);
    return ok(consumer.name, `${action} took ${duration(performance.now() - startedAt)}`);
  } catch (error) {
    return fail(consumer.name, `${action} failed: ${reasonOf(error)}`, `Call it by hand and look at what the server's log says: ${hookWords(hook)}`);
  }
}

async function order(daemon: DaemonAddress, name: string, action: Action): Promise<void> {
  const answer = await ask({ ...daemon, method: 'POST', path: `/v1/consumers/${encodeURIComponent(name)}/${action}`, timeoutMs: HOOK_MS });
  if (answer.kind !== 'answer') throw new Error(answer.message);
}

async function callDirectly(consumer: ConsumerConfig, action: Action, { health }: Config): Promise<void> {
  const hook = consumer[action];
  if (hook === null) return;
  const deadline = performance.now() + hook.timeout;
  if (hook.type === 'command') await runCommand(hook.argv, hook.timeout);
  else await callHook({ config: consumer, hook, leftMs: () => deadline - performance.now() });
  while (action === 'load') {
    const { outcome } = await probeConsumer(consumer, consumer.health.timeout ?? health.timeout);
    if (outcome.type === 'good') return;
    if (performance.now() >= deadline) throw new Error(`not healthy ${duration(hook.timeout)} after it began: ${outcome.error}`);
    await delay(LOOK_MS);
  }
}
