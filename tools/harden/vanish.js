import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ADDRESS } from './vanish-inside.js';

export const about = 'the consumer vanishes from the network, without FIN or RST, and comes back';

/** A network namespace of our own, in which addresses can be taken away. */
export function needs() {
  const { status } = spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up']);
  return status === 0 ? {} : { missing: 'unshare -rn, or ip, is not there or not permitted; `frozen` comes nearest' };
}

export async function run({ goals }) {
  const runner = fileURLToPath(new URL('run.js', import.meta.url));
  const setUp = `ip link set lo up && ip addr add ${ADDRESS}/32 dev lo && exec "$0" "$@"`;
  const child = spawn('unshare', ['-rn', 'sh', '-c', setUp, process.execPath, runner, 'vanish-inside'], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  goals.atMost('exit code of the run inside a network of its own', 0, { measured: code ?? 1 });
}
