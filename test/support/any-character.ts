import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };
const LAST = 0x10ffff;

/**
 * Any character there is, as the unit of a text. fast-check's own (`binary`) means the same, but makes a table of all million of them in each
 * test file, which takes longer than most tests.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.nat({ max: LAST - SURROGATES.count }).map(characterAt, placeOf);

function characterAt(place: number): string {
  return String.fromCodePoint(place < SURROGATES.first ? place : place + SURROGATES.count);
}

/** Tells fast-check whether a text is made of these, so that it also tries names such as `__proto__`. */
function placeOf(value: unknown): number {
  const code = typeof value === 'string' ? (value.codePointAt(0) ?? Number.NaN) : Number.NaN;
  const place = code < SURROGATES.first ? code : code - SURROGATES.count;
  if (Number.isNaN(place) || characterAt(place) !== value) throw new Error('no single character');
  return place;
}
