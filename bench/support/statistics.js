/** The value below which the share `p` (0 to 1) of the numbers lies. NaN if there are none. */
export function percentile(numbers, p) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
}

/** The middle one; with an even count the mean of the two in the middle. */
export function median(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Median, smallest and largest of one figure over all rounds. */
export function spread(numbers) {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** `{a: [1, 2], b: [3]}` from `[['a', 1], ['b', 3], ['a', 2]]`. */
export function grouped(pairs) {
  const groups = {};
  for (const [key, value] of pairs) (groups[key] ??= []).push(value);
  return groups;
}
