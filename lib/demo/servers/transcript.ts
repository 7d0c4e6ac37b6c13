const WORDS = 'the quick brown fox jumps over the lazy dog and nobody knows why it keeps doing that'.split(' ');
/** People speak about so many words in a second. */
const WORDS_PER_SECOND = 2.5;

/** What a speech model makes of `seconds` of anything. */
export function transcript(seconds: number): string {
  const count = Math.max(1, Math.round(seconds * WORDS_PER_SECOND));
  const words = Array.from({ length: count }, (_, index) => WORDS[index % WORDS.length] ?? '');
  const text = words.join(' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** How long that takes, ms. */
export function transcribeMs(seconds: number): number {
  return Math.min(1500, 300 + seconds * 100);
}
