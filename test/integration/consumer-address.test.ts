import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { nodeProcess } from '../support/node-process.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
let hole: BlackHole | null = null;
afterEach(async () => {
  await hole?.end();
  hole = null;
  await broker.stop();
});

interface BlackHole {
  readonly url: string;
  /** From now on connecting to it hangs. */
  fill(): Promise<void>;
  end(): Promise<void>;
}

async function start(own: Settings = {}, settings: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake, settings: own } }, settings });
}

const post = () => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
const isHealthy = () => broker.daemon.registry.byName('one')?.health.state === 'healthy';

/** A server that answers its first probe, and then is stopped with its backlog full, so that connecting to it hangs. */
async function blackHole(): Promise<BlackHole> {
  const server: NodeProcess = await nodeProcess(`
    import { createServer } from 'node:http';
    const server = createServer((req, res) => res.end('ok')).listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
  `);
  const port = Number(await server.line());
  const sockets: Socket[] = [];
  return {
    url: `http://127.0.0.1:${port}`,
    fill: async () => {
      process.kill(server.pid, 'SIGSTOP');
      // The kernel accepts one more than the backlog says.
      for (let count = 0; count < 2; count += 1) {
        const socket = connect(port, '127.0.0.1').on('error', () => undefined);
        sockets.push(socket);
        await once(socket, 'connect');
      }
    },
    end: async () => {
      for (const socket of sockets) socket.destroy();
      await server.kill();
    },
  };
}

describe('a consumer', () => {
  test('that does not accept a connection gives 502 at timeouts.connect', async () => {
    hole = await blackHole();
    await start({ url: hole.url, timeouts: { connect: '80ms' } }, { health: { interval: '1h' } });
    await until(isHealthy);
    await hole.fill();
    const answer = await post();
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'consumer_unreachable', message: 'one did not accept a connection in time (timeouts.connect)' });
    await broker.running(0);
  });

  test('that refuses connections, but was healthy a moment ago, gives 502', async () => {
    await start({}, { health: { interval: '1h' } });
    await until(isHealthy);
    fake.refuse();
    const answer = await post();
    expect([answer.status, JSON.parse(answer.body)]).toEqual([502, { error: 'consumer_unreachable', message: 'one refused the connection', consumer: 'one', retryable: true }]);
    await fake.listenAgain();
    expect((await post()).status).toBe(200);
  });

  test('whose host name nobody knows gives 503 with that reason, and no address', async () => {
    await start({ url: 'http://gpu-box.invalid:8766' });
    const answer = await post();
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'consumer_unreachable', consumer: 'one', retryable: true });
    expect(answer.body).toMatch(/ENOTFOUND|EAI_AGAIN|no answer within/);
    expect(answer.body).not.toContain('invalid');
  });

  test.each([301, 302, 303, 307, 308])('that redirects elsewhere (%d) is passed on, never followed', async (status) => {
    await start({}, { audio_proxy: 'one' });
    const elsewhere = await simpleConsumer();
    const location = `${elsewhere.url}/work`;
    fake.on('POST /work', (exchange) => exchange.send(status, '', { Location: location }));
    fake.on('GET /audio/a.wav', (exchange) => exchange.send(status, '', { Location: '/health' }));
    const answer = await post();
    expect([answer.status, answer.headers.location]).toEqual([status, location]);
    const audio = await request({ url: `${broker.url}/audio/a.wav` });
    expect([audio.status, audio.headers.location]).toEqual([status, '/health']);
    expect(elsewhere.requests).toHaveLength(0);
    await elsewhere.stop();
  });
});
