import { describe, expect, test } from '@jest/globals';
import { FormScanner } from '../../../lib/core/form-scan.ts';
import { JsonScanner } from '../../../lib/core/json-scan.ts';
import { asksForStream, modelIn } from '../../../lib/core/scanned-body.ts';
import { scanned } from '../../support/scanned.ts';

const json = (text: string) => scanned(new JsonScanner(), Buffer.from(text));

/** A form of `[headers after the name, value]` for parts called `model`. */
function form(...parts: readonly (readonly [string, string])[]) {
  const text = parts.map(([more, value]) => `--b\r\nContent-Disposition: form-data; name="model"${more}\r\n\r\n${value}\r\n`).join('');
  return scanned(new FormScanner('b'), Buffer.from(`${text}--b--`));
}

const found = (model: string) => ({ type: 'found', model });
const fault = (reason: string) => ({ type: 'fault', message: expect.stringContaining(reason) });

describe('the model of a JSON body', () => {
  test.each([
    ['{"model":"a"}', found('a')],
    ['{"x":1,"mod\\u0065l":"\\u00e4/b:c d"}', found('ä/b:c d')],
    [`{"model":"${'m'.repeat(256)}"}`, found('m'.repeat(256))],
    ['{}', { type: 'none' }],
    ['{"Model":"a","x":{"model":"b"}}', { type: 'none' }],
    ['{"model":null}', { type: 'none' }],
    ['{"model":""}', { type: 'none' }],
    ['{"model":"a","model":"a"}', fault('comes more than once')],
    ['{"model":"a","mod\\u0065l":null}', fault('comes more than once')],
    ['{"model":1}', fault('is not a string')],
    ['{"model":["a"]}', fault('is not a string')],
    ['{"model":"a\\x"}', fault('is not a string')],
    ['{"model":nope}', fault('is not a string')],
    [`{"model":"${'m'.repeat(257)}"}`, fault('longer than 256 characters')],
    [`{"model":"${'m'.repeat(5000)}"}`, fault('longer than 256 characters')],
    ['{"model":"a\\u0000"}', fault('characters that no name has')],
    ['{"model":"a\\nb"}', fault('characters that no name has')],
    ['{"model":"a\\ud800"}', fault('characters that no name has')],
    ['[]', fault('the body is not a JSON object')],
  ])('%.60s', (text, expected) => {
    expect(modelIn(json(text))).toEqual(expected);
  });
});

describe('the model of a form', () => {
  test.each([
    ['a field', form(['', 'a b']), found('a b')],
    ['no field', form(), { type: 'none' }],
    ['an empty field', form(['', '']), { type: 'none' }],
    ['two fields', form(['', 'a'], ['', 'b']), fault('comes more than once')],
    ['a file', form(['; filename="model"', 'a']), fault('is not a string')],
    ['a field of several lines', form(['', 'a\r\nb']), fault('characters that no name has')],
    ['a very long field', form(['', 'm'.repeat(70_000)]), fault('longer than 256 characters')],
    ['no form', scanned(new FormScanner('b'), Buffer.from('a')), fault('the body is not a form')],
  ])('%s', (_what, scan, expected) => {
    expect(modelIn(scan)).toEqual(expected);
  });
});

describe('of a form with other parts', () => {
  const part = (name: string, value: string, header = '') => `--b\r\nContent-Disposition: form-data; name="${name}"${header}\r\n\r\n${value}\r\n`;
  const body = (...parts: readonly string[]) => scanned(new FormScanner('b'), Buffer.from(`${parts.join('')}--b--`));
  const encoded = '\r\nContent-Transfer-Encoding: base64';
  const before = part('prompt', 'x'.repeat(300));

  test('only that of its name is the model', () => {
    expect(modelIn(body(before, part('model', 'a'), part('Model', 'b')))).toEqual(found('a'));
    expect(modelIn(body(before, part('models', 'b')))).toEqual({ type: 'none' });
  });

  test.each([
    ['an encoded one', part('model', 'YQ==', encoded), 'is not a string'],
    ['an encoded one of 256 bytes', part('model', 'x'.repeat(256), encoded), 'is not a string'],
    ['an encoded one of 257 bytes', part('model', 'x'.repeat(257), encoded), 'longer than 256 characters'],
    ['a long file', part('model', 'x'.repeat(300), '; filename="f"'), 'is not a string'],
  ])('%s is told as what it is', (_what, model, reason) => {
    expect(modelIn(body(before, model))).toEqual(fault(reason));
  });
});

test.each([
  ['{"stream":true}', true],
  ['{"stream" : true , "x":1}', true],
  ['{"stream":false,"stream":true}', true],
  ['{"stream":true,"stream":false}', false],
  ['{"stream":false}', false],
  ['{"stream":"true"}', false],
  ['{"stream":1}', false],
  ['{"x":{"stream":true}}', false],
  ['{}', false],
  ['true', false],
])('%s asks for a stream: %s', (text, expected) => {
  expect(asksForStream(json(text))).toBe(expected);
});

test('a form asks for no stream', () => {
  const body = '--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n--b--';
  expect(asksForStream(scanned(new FormScanner('b'), Buffer.from(body)))).toBe(false);
});
