import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FormScanner, boundaryIn } from '../../../lib/core/form-scan.ts';
import type { FormPart, FormScan } from '../../../lib/core/form-scan.ts';
import { anyCharacter } from '../../support/any-character.ts';
import { cases } from '../../support/cases.ts';
import { anyForm, writtenForm } from '../../support/forms.ts';
import { keptMib } from '../../support/heap.ts';
import { anyCuts, scanned } from '../../support/scanned.ts';

const scan = (body: string | Uint8Array, cuts: readonly number[] = []): FormScan => scanned(new FormScanner('b'), Buffer.from(body), cuts);

function partsOf(result: FormScan): readonly FormPart[] {
  if (result.type === 'fault') throw new Error(result.message);
  return result.parts;
}

function messageOf(result: FormScan): string {
  return result.type === 'fault' ? result.message : '';
}

/** A form of one part with these headers. */
const withHeaders = (...headers: readonly string[]): string => `--b\r\n${headers.map((each) => `${each}\r\n`).join('')}\r\nvalue\r\n--b--\r\n`;
const FIELD = 'Content-Disposition: form-data; name="a"';

describe('a form of any parts, cut anywhere', () => {
  test('has the parts that were written, where they were written', () => {
    fc.assert(
      fc.property(anyForm, anyCuts, (form, cuts) => {
        const { boundary, body, places, close } = writtenForm(form);
        const expected = form.parts.map(({ name, fileName, value }, index) => {
          return { name, fileName, ...places[index], text: fileName === null ? value.toString() : null };
        });
        expect(scanned(new FormScanner(boundary), body, cuts)).toEqual({ type: 'form', parts: expected, close });
      }),
      { numRuns: cases(500) },
    );
  });

  test('has the parts that Node has written', async () => {
    const text = fc.string({ unit: anyCharacter, maxLength: 20 });
    // A backslash is written as it is, and escapes what it should not.
    const name = text.filter((each) => !/\0|%(22|0A|0D)|\\(\\|$)/i.test(each));
    const fileName = name.filter((each) => each !== '');
    const entries = fc.array(fc.tuple(name, fc.oneof(text, fc.uint8Array())), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(entries, fileName, anyCuts, async (entries, fileName, cuts) => {
        const form = new FormData();
        for (const [key, value] of entries) {
          if (typeof value === 'string') form.append(key, value);
          else form.append(key, new Blob([value]), fileName);
        }
        const answer = new Response(form);
        const body = Buffer.from(await answer.arrayBuffer());
        const boundary = boundaryIn(answer.headers.get('content-type') ?? '') ?? '';
        const found = partsOf(scanned(new FormScanner(boundary), body, cuts));
        expect(found.map((part) => [part.name, part.fileName, body.subarray(part.valueStart, part.valueEnd).toString('latin1')])).toEqual(
          entries.map(([key, value]) => [lines(key), typeof value === 'string' ? null : fileName, latin1(value)]),
        );
      }),
      { numRuns: cases(200) },
    );
  });
});

/** As the WHATWG has line breaks written in names and in values. */
function lines(text: string): string {
  return text.replaceAll(/\r?\n|\r/g, '\r\n');
}

function latin1(value: string | Uint8Array): string {
  return Buffer.from(typeof value === 'string' ? lines(value) : value).toString('latin1');
}

describe('the name of a part', () => {
  test.each([
    ['content-disposition:form-data;name=plain', 'plain', null],
    ['CONTENT-DISPOSITION: Form-Data; filename="f.wav"; NAME="last"', 'last', 'f.wav'],
    ['Content-Disposition: form-data; name="a\\"b\\\\c\\d"', 'a"b\\c\\d', null],
    ['Content-Disposition: form-data; name="a%22b%0D%0A"', 'a"b\r\n', null],
    ['Content-Disposition: form-data; name="a;filename=x"', 'a;filename=x', null],
    ['Content-Disposition: form-data; name=""; filename=""', '', ''],
    ["Content-Disposition: form-data; name=a; filename*=UTF-8''na%C3%AFve.txt; filename=naive.txt", 'a', 'naïve.txt'],
    ["Content-Disposition: form-data; name=a; filename*=UTF-8'en'a%20b", 'a', 'a b'],
    ["Content-Disposition: form-data; name=a; filename*=xUTF-8''a%20b", 'a', "xUTF-8''a%20b"],
    ["Content-Disposition: form-data; name=a; filename*0*=UTF-8''a%20", 'a', 'a '],
    ["Content-Disposition: form-data; name=a; filename*=UTF-8''%ff", 'a', "UTF-8''%ff"],
    ["Content-Disposition: form-data; name=a; filename*=iso-8859-1''x", 'a', "iso-8859-1''x"],
    ['Content-Disposition: form-data;\r\n\tname="folded";', 'folded', null],
    ['Content-Disposition: form-data; name="folded\r\n \t within"', 'folded within', null],
    [`Content-Disposition: form-data; name="${'n'.repeat(1024)}"`, 'n'.repeat(1024), null],
    ['Content-Disposition: form-data; name="modèle"', 'modèle', null],
  ])('%s', (header, name, fileName) => {
    expect(partsOf(scan(withHeaders('X-First: 1', header, 'Content-Type: text/plain')))).toMatchObject([{ name, fileName }]);
  });
});

describe('the client is told why a body is no form', () => {
  const odd = 'the Content-Disposition of a part cannot be read';
  test.each([
    ['nothing', '', 'ends at byte 0, before its closing delimiter'],
    ['JSON', '{"model":"a"}', 'before its closing delimiter'],
    ['half of the last delimiter', withHeaders(FIELD).slice(0, -3), 'before its closing delimiter'],
    ['no headers', '--b\r\n\r\nvalue\r\n--b--', 'a part has no name (the part at byte 0)'],
    ['no Content-Disposition', withHeaders('Content-Type: text/plain'), 'a part has no name'],
    ['no name', withHeaders('Content-Disposition: form-data'), 'a part has no name'],
    ['another disposition', withHeaders('Content-Disposition: attachment; name="a"'), 'a part has no name'],
    ['two names', withHeaders('Content-Disposition: form-data; name="a"; name="model"'), odd],
    ['a name with its character set', withHeaders("Content-Disposition: form-data; name*=utf-8''model; name=a"), odd],
    ['a name in pieces', withHeaders('Content-Disposition: form-data; name*0=mod; name*1=el'), odd],
    ['an open quote', withHeaders('Content-Disposition: form-data; name="a'), odd],
    ['a header twice', withHeaders(FIELD, 'content-disposition: form-data; name="model"'), 'or the same one twice'],
    ['half a line break in a header', withHeaders(`${FIELD}\nX: y`), 'has a header that is none'],
    ['a line that is no header', withHeaders(FIELD, 'no header'), 'has a header that is none'],
    ['the boundary in place of a value', `--b\r\n${FIELD}\r\n\r\n--b--\r\n`, 'has the boundary where its value should be'],
    ['a longer boundary', withHeaders(FIELD).replace('value', 'value\r\n--bX'), 'neither a line break nor two dashes'],
    ['two faults, of which the first is told', withHeaders(FIELD).replace('value', 'value\r\n--bX\r\n\r\n'), 'neither a line break nor two dashes'],
    ['half a line break after the boundary', withHeaders(FIELD).replace('value', 'value\r\n--b\nX'), 'neither a line break nor two dashes'],
    ['text after the boundary', withHeaders(FIELD).replace('value', 'value\r\n--b -X'), 'neither a line break nor two dashes'],
    ['a long name', withHeaders(`Content-Disposition: form-data; name="${'n'.repeat(1025)}"`), 'longer than 1024 characters'],
    ['long headers', withHeaders(FIELD, `X: ${'x'.repeat(16 * 1024)}`), 'are too large'],
    ['many parts', `${`--b\r\n${FIELD}\r\n\r\n\r\n`.repeat(1001)}--b--`, 'more than 1000 parts'],
  ])('%s', (_what, body, reason) => {
    for (const cuts of [[], [3, 20, 47], Array.from({ length: 400 }, (_, at) => at)]) {
      expect(messageOf(scan(body, cuts))).toContain('the body is not a form: ');
      expect(messageOf(scan(body, cuts))).toContain(reason);
    }
  });
});

describe('the bounds', () => {
  test('a thousand parts', () => {
    expect(partsOf(scan(`${`--b\r\n${FIELD}\r\n\r\n\r\n`.repeat(1000)}--b--`))).toHaveLength(1000);
  });

  test('a field of 64 KiB is told, a longer one is passed over', () => {
    const field = (length: number): string => `--b\r\n${FIELD}\r\n\r\n${'x'.repeat(length)}\r\n`;
    const found = partsOf(scan(`${field(65_536)}${field(65_537)}--b--`, [1000, 70_000, 100_000]));
    expect(found.map(({ text }) => text?.length)).toEqual([65_536, undefined]);
  });

  test('headers of 16 KiB', () => {
    const filler = (length: number): string => `X: ${'x'.repeat(length - `${FIELD}\r\nX: `.length)}`;
    expect(partsOf(scan(withHeaders(FIELD, filler(16_384))))).toHaveLength(1);
  });

  test('fields and headers of 1 MiB together, and not a byte more', () => {
    const field = (length: number): string => `--b\r\n${FIELD}\r\n\r\n${'x'.repeat(length)}\r\n`;
    const left = 2 ** 20 - 16 * 62_000 - 17 * FIELD.length;
    const lastOf = (length: number) => partsOf(scan(`${field(62_000).repeat(16)}${field(length)}--b--`)).at(-1)?.text?.length;
    expect([lastOf(left), lastOf(left + 1)]).toEqual([left, undefined]);
  });

  test('of many large fields the last are passed over, and the offsets are right', () => {
    const field = `--b\r\n${FIELD}\r\n\r\n${'x'.repeat(60_000)}\r\n`;
    const found = partsOf(scan(`${field.repeat(30)}--b--`));
    expect(found.filter(({ text }) => text === null)).toHaveLength(13);
    expect(found.every(({ valueStart, valueEnd }) => valueEnd - valueStart === 60_000)).toBe(true);
  });

  test('a byte order mark in a value belongs to it', () => {
    expect(partsOf(scan(withHeaders(FIELD).replace('value', '\uFEFFvalue')))).toMatchObject([{ text: '\uFEFFvalue' }]);
  });

  test('a value in base64 is not taken for a text', () => {
    expect(partsOf(scan(withHeaders(FIELD, 'Content-Transfer-Encoding: base64')))).toMatchObject([{ text: null }]);
    for (const encoding of ['7bit', '8BIT', 'Binary']) {
      expect(partsOf(scan(withHeaders(FIELD, `content-transfer-encoding: ${encoding}`)))).toMatchObject([{ text: 'value' }]);
    }
  });
});

test('spaces and tabs may come after the boundary', () => {
  expect(partsOf(scan(withHeaders(FIELD).replace('--b', '--b \t\t ')))).toMatchObject([{ text: 'value' }]);
});

test('what comes after the closing delimiter is left alone', () => {
  expect(scan(`${withHeaders(FIELD)}--b\r\n${FIELD}`)).toMatchObject({ type: 'form', parts: [{ name: 'a' }] });
  expect(scan('--b--')).toEqual({ type: 'form', parts: [], close: 0 });
});

describe('the boundary in a Content-Type', () => {
  test.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data;charset=utf-8;BOUNDARY="a b:c"', 'a b:c'],
    ['multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW', '----WebKitFormBoundary7MA4YWxkTrZu0gW'],
    ['multipart/form-data; boundary="=_(x)+,./?\'"', "=_(x)+,./?'"],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, null],
    ['multipart/form-data; boundary="ends with a space "', null],
    ['multipart/form-data; boundary=""', null],
    ['multipart/form-data; boundary=a; boundary=b', null],
    ['multipart/form-data; boundary="a\\"b"', null],
    ['multipart/form-data; boundary=ä', null],
    ['multipart/form-data', null],
    ['multipart/mixed; boundary=a', null],
    ['application/json', null],
    ['', null],
  ])('%s', (contentType, boundary) => {
    expect(boundaryIn(contentType)).toBe(boundary);
  });
});

test('a file of 64 MiB leaves nothing in memory, and the model behind it is found', () => {
  const scanner = new FormScanner('b');
  scanner.feed(Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n`));
  const before = keptMib();
  let most = before;
  for (let count = 0; count < 1024; count += 1) {
    scanner.feed(Buffer.alloc(64 * 1024, count % 2 === 0 ? 'A' : '\r\n--'));
    if (count % 256 === 255) most = Math.max(most, keptMib());
  }
  scanner.feed(Buffer.from('\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nlast\r\n--b--\r\n'));
  expect(partsOf(scanner.end()).map(({ name, text }) => [name, text])).toEqual([['file', null], ['model', 'last']]);
  expect(most - before).toBeLessThan(4);
}, 60_000);
