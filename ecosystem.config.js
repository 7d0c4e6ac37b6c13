// PM2: `pm2 start ecosystem.config.js`, and `pm2 deploy production setup|update` to put it on the box.
// PM2 wants named exports of an ES module.

/** Above the drain (`shutdown_grace`, 30 s by default), or PM2 kills running work in its middle. */
const KILL_TIMEOUT_MS = 40_000;

/**
 * `gc` gives back what a start has left behind. The young generation is half of V8's 16 MiB: what waits lives long, so a large one only grows
 * the process, and with 2 MiB a gated request costs a fifth more.
 */
export const NODE_ARGS = ['--max-semi-space-size=8', '--expose-gc'];

/** glibc keeps freed memory in an arena for each thread that ever needed some: one will do, and saves 3 MiB. */
export const ENV = { NODE_ENV: 'production', MALLOC_ARENA_MAX: '1' };

export const apps = [
  {
    name: 'mgpumanager',
    script: 'bin/mgpumanager.js',
    args: 'serve',
    // The Node that `npm ci` has brought, whatever the box's own is.
    interpreter: 'node_modules/.bin/node',
    node_args: NODE_ARGS.join(' '),
    // Two instances would be two gates, and the card would have two leases.
    exec_mode: 'fork',
    instances: 1,
    // Online means that it listens; the card may take 2 s to be read first.
    wait_ready: true,
    listen_timeout: 15_000,
    kill_timeout: KILL_TIMEOUT_MS,
    // A taken port or card is tried again ever more slowly, up to 15 s, and never given up.
    exp_backoff_restart_delay: 200,
    max_restarts: Number.MAX_SAFE_INTEGER,
    // One hostile client that sends bytes one by one drives a Node server to about 440 MB for a while: that is no leak.
    max_memory_restart: '1G',
    merge_logs: true,
    env: { ...ENV, MGPU_CONFIG: process.env.MGPU_CONFIG ?? 'config/consumers.yaml' },
  },
];

export const deploy = {
  production: {
    user: process.env.MGPU_DEPLOY_USER ?? process.env.USER ?? 'mgpu',
    host: process.env.MGPU_DEPLOY_HOST ?? 'mRock',
    ref: process.env.MGPU_DEPLOY_REF ?? 'origin/main',
    repo: process.env.MGPU_DEPLOY_REPO ?? 'git@github.com:m/mGPUmanager.git',
    path: process.env.MGPU_DEPLOY_PATH ?? '/srv/mgpumanager',
    'post-deploy': 'npm ci && node_modules/.bin/node bin/mgpumanager.js check && npx pm2 startOrReload ecosystem.config.js && npx pm2 save',
  },
};
