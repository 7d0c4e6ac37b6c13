/** What no request may come to, however odd it is (`askRaw` in http.js). */
export const BAD = /^(hang|cut|500|not ours)$/;

/** Does `work` for each item, `width` at a time. Resolves with how often each result came: `{result: times}`. */
export async function tally(items, width, work) {
  const counts = {};
  const left = items.values();
  const worker = async () => {
    for (const item of left) {
      const result = await work(item);
      counts[result] = (counts[result] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return counts;
}

/** The sum of those counts whose result matches. */
export function countOf(counts, pattern) {
  return Object.entries(counts).reduce((sum, [result, times]) => sum + (pattern.test(result) ? times : 0), 0);
}
