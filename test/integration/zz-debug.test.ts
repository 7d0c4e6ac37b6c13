import { test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { setTimeout as sleep } from 'node:timers/promises';
function* pieces() { for (;;) { sent += 65536; yield Buffer.alloc(65536); } }
let sent = 0;
test('x', async () => {
  const fake = await simpleConsumer();
  let stage = 'none';
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1e9}\r\n\r\n`);
    void exchange.closed.then(() => stage += ' closed');
    await exchange.drip(pieces(), () => Promise.resolve());
    stage += 'over';
  });
  const broker = await startBroker({ consumers: { one: { fake } } });
  const client = await RawClient.open(broker.port);
  client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
  await client.head();
  await sleep(300);
  console.log(sent, stage);
  client.socket.destroy();
  await sleep(500);
  console.log(sent, stage, fake.jobs[0]?.aborted, broker.daemon.gate.statistics, broker.logger.lines.filter(({message}) => message==='exchange'));
  await broker.daemon.stop(10);
  await fake.stop();
});
