import { afterEach, describe, expect, test } from '@jest/globals';
import { startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { untilAsked } from '../support/until.ts';

let broker: Broker;
let server: FakeConsumer;
/** What the consumer lists as loaded. */
let loaded: string[];
afterEach(() => broker.stop());

const HOOKS: Settings = { load: { path: '/load' }, unload: { path: '/unload' } };

async function start(models: Settings, settings: Settings = HOOKS): Promise<void> {
  loaded = [];
  server = await FakeConsumer.start();
  server.on('GET /ps', (exchange) => exchange.json(200, { models: loaded.map((name) => ({ name })) }));
  server.on('GET /v1/audio/voices', (exchange) => exchange.json(200, { voices: ['af_heart'], asked: exchange.head.path }));
  broker = await startBroker({ consumers: { server: { fake: server, settings } }, settings: { models, routing: { tts: 'server' } } });
}

const get = async (path: string) => {
  const { status, body } = await request({ url: broker.url + path });
  return { status, body: JSON.parse(body) };
};
const values = async (): Promise<string[][]> => {
  const { data }: { data: { id: string; status: { value: string } }[] } = (await get('/v1/models')).body;
  return data.map(({ id, status }) => [id, status.value]);
};
const valueOf = async (id: string): Promise<string> => (await get(`/v1/models/${id}`)).body.status.value;

describe('GET /v1/models', () => {
  test('lists what is configured, without aliases, in the form of OpenAI with the status of llama.cpp', async () => {
    await start({ a: { consumer: 'server', aliases: ['b'] }, 'x/y': { consumer: 'server' }, 'z*': { consumer: 'server' } });
    const { body } = await get('/v1/models');
    const model = { object: 'model', created: expect.any(Number), owned_by: 'server', status: { value: 'loaded' } };
    expect(body).toEqual({ object: 'list', data: [{ id: 'a', ...model }, { id: 'x/y', ...model }] });
    expect((await get('/models')).body).toEqual(body);
    expect((await get('/v1/models')).body).toEqual(body);
  });

  test('says which of them are loaded, and lists those loaded that only a beginning stands for', async () => {
    const residency = { path: '/ps', items: '/models', name: '/name' };
    await start({ big: { consumer: 'server', use_model_name: 'llama3.3' }, other: { consumer: 'server' }, 'qwen*': { consumer: 'server' } }, { residency });
    await untilAsked(async () => (await values()).join() === 'big,unloaded,other,unloaded');
    loaded = ['llama3.3:latest', 'qwen3:14b', 'hidden'];
    await untilAsked(async () => (await valueOf('big')) === 'loaded');
    expect(await values()).toEqual([
      ['big', 'loaded'],
      ['other', 'unloaded'],
      ['qwen3:14b', 'loaded'],
    ]);
  });

  test('answers while every consumer hangs', async () => {
    await start({ a: { consumer: 'server' } });
    server.on('GET /health', (exchange) => exchange.never());
    const before = server.requests.length;
    await server.waitFor((each) => server.requests.indexOf(each) >= before);
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/v1/models')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(server.requests.every(({ path }) => path === '/health')).toBe(true);
  });

  test.each([
    ['x/y', 200],
    ['x%2Fy', 200],
    ['b', 200],
    ['zebra', 200],
    ['nobody', 404],
  ])('/%s', async (id, status) => {
    await start({ a: { consumer: 'server', aliases: ['b'] }, 'x/y': { consumer: 'server' }, 'z*': { consumer: 'server' } });
    const answer = await get(`/v1/models/${id}`);
    expect(answer.status).toBe(status);
    expect(status === 200 ? answer.body.id : answer.body.error.code).toBe(status === 200 ? decodeURIComponent(id) : 'model_not_found');
  });
});

describe('a model by hand', () => {
  const change = (action: string, body: unknown) => request({ url: `${broker.url}/models/${action}`, method: 'POST', body });

  test('is ejected and loaded as Open WebUI does it', async () => {
    await start({ a: { consumer: 'server' } });
    const ejected = await change('unload', { model: 'a' });
    expect([ejected.status, JSON.parse(ejected.body)]).toEqual([200, { success: true, consumer: 'server', residency: 'absent' }]);
    expect([server.loaded, await valueOf('a')]).toEqual([false, 'unloaded']);
    expect(JSON.parse((await change('load', { model: 'a' })).body)).toEqual({ success: true, consumer: 'server', residency: 'resident' });
    expect([server.loaded, await valueOf('a')]).toEqual([true, 'loaded']);
  });

  test.each([
    [{ model: 'nobody' }, 404, 'model_not_found'],
    [{ model: 'lazy' }, 409, 'no_hook'],
    [{ model: 1 }, 400, 'bad_request'],
    [{}, 400, 'bad_request'],
  ])('%j is %d', async (body, status, code) => {
    await start({ lazy: { consumer: 'server' } }, {});
    const answer = await change('load', body);
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([status, code]);
  });
});

describe('voices', () => {
  test('are those of the configuration, without asking anybody', async () => {
    await start({ tts: { consumer: 'server', voices: ['anna', 'ben'] }, other: { consumer: 'server', voices: ['ben', 'carl'] } });
    const named = (...names: string[]) => ({ voices: names.map((name) => ({ id: name, name })) });
    expect((await get('/v1/audio/voices')).body).toEqual(named('anna', 'ben', 'carl'));
    expect((await get('/v1/audio/voices?model=tts')).body).toEqual(named('anna', 'ben'));
    expect(server.requests.every(({ path }) => path === '/health')).toBe(true);
  });

  test('are asked for where none are configured', async () => {
    await start({ tts: { consumer: 'server' } });
    expect((await get('/v1/audio/voices?model=tts')).body).toEqual({ voices: ['af_heart'], asked: '/v1/audio/voices?model=tts' });
    expect((await get('/v1/audio/voices')).body).toMatchObject({ voices: ['af_heart'] });
    expect((await get('/v1/audio/voices?model=nobody')).status).toBe(404);
  });

  test('are none of a server that has no such path', async () => {
    await start({ tts: { consumer: 'server' } }, { path_style: 'mvoice' });
    expect((await get('/v1/audio/voices')).body).toEqual({ voices: [] });
    expect((await get('/v1/audio/models')).body).toEqual({ models: [{ id: 'tts' }] });
  });
});
