/** Longer words and longer lists are not compared: the comparison is quadratic, and such input is no slip of a finger. */
const LONGEST = 64;
const MOST = 200;

/**
 * The candidate that was probably meant by a misspelt word, or null where none is near.
 * Near means: at most one edit for each three letters. Case does not count.
 */
export function suggest(word: string, candidates: readonly string[]): string | null {
  if (word.length > LONGEST || candidates.length > MOST) return null;
  let best: { name: string; distance: number } | null = null;
  for (const name of candidates) {
    const limit = Math.max(1, Math.floor(Math.min(word.length, name.length) / 3));
    if (Math.abs(word.length - name.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (name !== word && distance <= limit && (best === null || distance < best.distance)) best = { name, distance };
  }
  return best?.name ?? null;
}

/**
 * The candidates that come nearest to a name, the nearest first: those that it is a part of, or that are a part of it, and
 * those of which at least half is the same. Case does not count.
 */
export function nearest(word: string, candidates: readonly string[]): string[] {
  if (word.length > LONGEST) return [];
  const compared = candidates.slice(0, MOST).filter(({ length }) => length <= LONGEST);
  const rated = compared.map((name) => ({ name, distance: nameDistance(word.toLowerCase(), name.toLowerCase()) }));
  return rated.filter(({ distance }) => distance <= 0.1 + 0.9 / 2).toSorted((a, b) => a.distance - b.distance).map(({ name }) => name);
}

/** 0 equal … 1 nothing in common. A part of the other is nearer than any that differs. */
function nameDistance(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (short.length > 1 && long.includes(short)) return 0.1 * (1 - short.length / long.length);
  return 0.1 + (0.9 * editDistance(a, b)) / Math.max(1, long.length);
}

/**
 * Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and
 * swaps of neighbours that turn `a` into `b`.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const edits = [at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1)];
      if (swapped) edits.push(at(beforeLast, column - 2) + 1);
      current.push(Math.min(...edits));
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
