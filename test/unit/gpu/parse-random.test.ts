import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCard, parseProcesses, remarkIn } from '../../../lib/gpu/parse.ts';
import { anyCharacter } from '../../support/any-character.ts';

const UUID = 'GPU-5206045b-2a1c-1e7d-6c60-d7c367d02376';

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array).toString());
const field = fc.oneof(
  fc.constantFrom('0', '1', UUID, '[N/A]', '24576', '8963', '-1', '1e9', 'NaN', ' ', '', '\r', 'ERR!', '99999999999'),
  fc.integer().map(String),
  fc.string({ unit: anyCharacter, maxLength: 10 }),
);
const rows = fc
  .array(fc.array(field, { maxLength: 9 }).map((each) => each.join(', ')), { maxLength: 5 })
  .map((lines) => lines.join('\n'));
const output = fc.oneof(bytes, rows, rows.map((text) => `${text}\n`), fc.string({ unit: anyCharacter }));

function isMib(value: number | null): boolean {
  return value === null || (Number.isInteger(value) && value >= 0 && value < 10_000_000);
}

test('whatever nvidia-smi prints, a card has sensible numbers or there is a short printable reason', () => {
  fc.assert(
    fc.property(output, (text) => {
      const parsed = parseCard(text, 0);
      if (!parsed.ok) return expect(parsed.error).toMatch(/^\P{Cc}{1,220}$/u);
      const { totalMib, usedMib, freeMib } = parsed.card;
      expect([totalMib, usedMib, freeMib].every(isMib)).toBe(true);
      expect(freeMib).toBeLessThanOrEqual(totalMib ?? Infinity);
    }),
    { numRuns: 3000 },
  );
});

test('whatever nvidia-smi prints, a process has a pid and a sensible number', () => {
  fc.assert(
    fc.property(output, (text) => {
      for (const { pid, usedMib, name } of parseProcesses(text, UUID) ?? []) {
        expect(Number.isInteger(pid) && pid > 0).toBe(true);
        expect(isMib(usedMib)).toBe(true);
        expect(name ?? '').toMatch(/^\P{Cc}*$/u);
      }
    }),
    { numRuns: 3000 },
  );
});

test('every card that nvidia-smi can print is read back', () => {
  const mib = fc.integer({ min: 1, max: 200_000 });
  fc.assert(
    fc.property(mib, mib, fc.nat({ max: 7 }), (totalMib, some, device) => {
      const freeMib = some % (totalMib + 1);
      const parsed = parseCard(`${device}, ${UUID}, NVIDIA, ${totalMib}, ${totalMib - freeMib}, ${freeMib}\n`, device);
      expect(parsed).toMatchObject({ ok: true, card: { totalMib, usedMib: totalMib - freeMib, freeMib } });
    }),
  );
});

test('a remark is one short line', () => {
  fc.assert(
    fc.property(output, (text) => {
      expect(remarkIn(text) ?? 'none').toMatch(/^\P{Cc}{1,161}$/u);
    }),
  );
});
