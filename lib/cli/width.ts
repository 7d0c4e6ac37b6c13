const SEGMENTS = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** What terminals draw over two cells: the scripts that Unicode calls wide (UAX #11), and pictures. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})/u;
/** What stands on no cell of its own. */
const NONE = /^[\p{M}\p{Cf}\p{Cc}]+$/u;
/** Most texts: then a character is a cell. */
const PLAIN = /^[\x20-\x7e]*$/;

/** The cells of a terminal that a text takes. It must not hold escape sequences. */
export function cells(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let sum = 0;
  for (const { segment } of SEGMENTS.segment(text)) sum += cellsOf(segment);
  return sum;
}

function cellsOf(grapheme: string): number {
  if (NONE.test(grapheme)) return 0;
  return WIDE.test(grapheme) || grapheme.includes('\ufe0f') ? 2 : 1;
}

/** A text that takes at most `width` cells; where it had to be cut, `mark` is its end. */
export function cut(text: string, width: number, mark = '…'): string {
  if (cells(text) <= width) return text;
  const room = width - cells(mark);
  if (room < 0) return '';
  let kept = '';
  let used = 0;
  for (const { segment } of SEGMENTS.segment(text)) {
    used += cellsOf(segment);
    if (used > room) break;
    kept += segment;
  }
  return kept + mark;
}

/** A text of exactly `width` cells: cut, or filled up with spaces. */
export function fitted(text: string, width: number, mark = '…'): string {
  const short = cut(text, width, mark);
  return short + ' '.repeat(Math.max(0, width - cells(short)));
}
