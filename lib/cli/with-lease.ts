import type { Env } from '../config/env.ts';
import { reportFailure } from './failure.ts';
import { LeaseKeeper, takeLease, type Lease, type LeaseRequest } from './lease-keeper.ts';
import { LeaseProxy } from './lease-proxy.ts';
import { runCommand } from './run-command.ts';
import { CaughtSignals, exitCodeOf } from './signals.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

export interface WithLeaseOptions extends LeaseRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Env;
}

/** Runs a command that has the card to itself, and gives the card back however the command ends. Returns the command's exit code. */
export async function withLease(options: WithLeaseOptions, terminal: Terminal): Promise<number> {
  const signals = new CaughtSignals();
  signals.start();
  try {
    const taken = await takeLease(options, signals.ending);
    if (taken.kind === 'lease') return await hold(taken, { ...options, signals }, terminal);
    return signals.first === null ? reportFailure(taken, terminal) : exitCodeOf(signals.first);
  } finally {
    signals.stop();
  }
}

interface Holding extends WithLeaseOptions {
  readonly signals: CaughtSignals;
}

async function hold(lease: Lease, holding: Holding, terminal: Terminal): Promise<number> {
  const { url, key, ttlMs } = holding;
  const onLost = (message: string): void => {
    terminal.err(`mgpumanager: the lease of ${printable(lease.consumer)} is lost (${printable(message)}); requests now get 410 lease_expired\n`);
  };
  const keeper = new LeaseKeeper({ url, key, lease, ttlMs, onLost });
  keeper.start();
  try {
    return await runInside(lease, holding, terminal);
  } finally {
    const fault = await keeper.end();
    if (fault !== null) terminal.err(`mgpumanager: the lease was not given back and ends by itself within ${ttlMs / 1000} s (${printable(fault)})\n`);
  }
}

async function runInside({ token }: Lease, { url, key, env, signals, ...command }: Holding, terminal: Terminal): Promise<number> {
  const proxy = new LeaseProxy({ url: new URL(url), token, key });
  const own = await proxy.open();
  const leased = { MGPU_URL: own, OPENAI_BASE_URL: `${own}/v1`, OLLAMA_HOST: `${own}/ollama`, MGPU_LEASE: token };
  try {
    // Told to end after the grant, and before there was a command to pass that on to.
    if (signals.first !== null) return exitCodeOf(signals.first);
    return await runCommand({ ...command, env: { ...env, ...leased }, signals }, terminal);
  } finally {
    await proxy.close();
  }
}
