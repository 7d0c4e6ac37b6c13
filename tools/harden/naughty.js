import { createRequire } from 'node:module';
import { BAD, countOf, tally } from '../support/all.js';
import { askRaw } from '../support/http.js';
import { table } from '../../bench/support/report.js';

const PACKAGE = 'big-list-of-naughty-strings';
const AT_ONCE = 16;
const BOUNDARY = 'harden-form';

export const about = 'the big list of naughty strings in every place that takes text';

export function needs() {
  try {
    return { strings: createRequire(import.meta.url)(PACKAGE) };
  } catch {
    return { missing: `npm package ${PACKAGE}` };
  }
}

/** By place: the bytes of a request with the text there, without its common headers. */
const PLACES = {
  'path, escaped': (text) => get(`/upstream/one/${escaped(text)}`),
  'path, as it is': (text) => get(`/upstream/one/${text}`),
  'path of ours': (text) => get(`/v1/models/${escaped(text)}`),
  'name of a consumer': (text) => post(`/v1/consumers/${escaped(text)}/unload`, '{}'),
  'id of a lease': (text) => ['DELETE', `/v1/leases/${escaped(text)}`, '', ''],
  'query, escaped': (text) => get(`/v1/plan?kind=${escaped(text)}`),
  'query, as it is': (text) => get(`/audio/x?${text}`),
  'header': (text) => get('/audio/x', `X-Naughty: ${text}\r\nUser-Agent: ${text}\r\n`),
  'header of ours': (text) => post('/v1/llm', '{}', `X-Request-Id: ${text}\r\nX-GPU-Lease: ${text}\r\nPrefer: wait=${text}\r\n`),
  'Host': (text) => ['GET', '/healthz', `Host: ${text}\r\n`, ''],
  'model in JSON': (text) => post('/v1/chat/completions', JSON.stringify({ messages: [], model: text })),
  'known model in JSON': (text) => post('/v1/chat/completions', JSON.stringify({ messages: [], model: `known${text}` })),
  'JSON as it is': (text) => post('/v1/messages', text),
  'members of a lease': (text) => post('/v1/leases', JSON.stringify({ kind: text, ttl: text, [text]: text })),
  'model in a form': (text) => form('a.wav', text),
  'file name in a form': (text) => form(text, 'known'),
  'pause by': (text) => post('/v1/resume', JSON.stringify({ by: text })),
};

export async function run({ daemon, needs: { strings }, goals }) {
  const rows = [];
  for (const [place, bytesOf] of Object.entries(PLACES)) {
    const counts = await tally(strings, AT_ONCE, (text) => askRaw(daemon.port, requestOf(bytesOf(text))));
    rows.push([place, Object.entries(counts).map(([status, times]) => `${status}: ${times}`).join(', ')]);
    goals.atMost(`${place}: no answer, 500, or a refusal that is not ours`, 0, { measured: countOf(counts, BAD) });
  }
  table(['place', 'statuses'], rows);
}

function get(path, headers = '') {
  return ['GET', path, headers, ''];
}

function post(path, body, headers = '') {
  return ['POST', path, `Content-Type: application/json\r\n${headers}`, body];
}

function form(fileName, model) {
  const part = (name, text) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}\r\n\r\n${text}\r\n`;
  const body = `${part(`file"; filename="${fileName}"`, 'sound')}${part('model"', model)}--${BOUNDARY}--\r\n`;
  return ['POST', '/v1/audio/transcriptions', `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n`, body];
}

function requestOf([method, path, headers, body]) {
  const host = headers.startsWith('Host:') ? '' : 'Host: 127.0.0.1\r\n';
  const length = method === 'POST' ? `Content-Length: ${Buffer.byteLength(body)}\r\n` : '';
  return `${method} ${path} HTTP/1.1\r\n${host}Connection: close\r\n${headers}${length}\r\n${body}`;
}

/** Every byte but letters and digits, also where a text is no valid Unicode. */
function escaped(text) {
  return Buffer.from(text).toString('latin1').replace(/[^A-Za-z0-9]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
