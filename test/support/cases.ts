/**
 * How many random cases a costly property tries: `count`, or the share of it that CASES_SHARE says. Mutation tests, which run a property
 * some hundred times, set that.
 */
export function cases(count: number): number {
  return Math.ceil(count * Number(process.env['CASES_SHARE'] ?? 1));
}
