import { Goals, figure, table, title } from '../../bench/support/report.js';
import { slope } from './samples.js';

/** Growth that is allowed under load, per minute. What a slope may be off by chance (two standard errors) is taken off first. */
const GROWTH = { rss: [1, ' MiB'], heap: [1, ' MiB'], descriptors: [1, ''], timers: [1, ''], sockets: [1, ''] };
/** Objects at rest that a run of any length may leave behind: caches that fill, such as those of inline functions. */
const CLASS_ALLOWANCE = 8;
/** Memory at rest, after a collection, whose share of compiled code and pools varies. MiB. */
const REST_ALLOWANCE = 2;
/** Under load the collector's own ups and downs hide any growth in less than this; the objects at rest tell all the same. Minutes. */
const SHORTEST_SLOPE = 2;
const MIB = 2 ** 20;

/** Prints what happened and which goals are met. Returns whether all are. */
export function report(result) {
  printDeeds(result);
  const goals = new Goals();
  addRest(goals, result);
  addGrowth(goals, result);
  goals.print();
  for (const line of unexpected(result.errors).slice(0, 10)) console.log(`\nlogged: ${line.slice(0, 500)}`);
  if (result.after.rest.waiting + result.after.rest.running > 0) console.log(`\nnot at rest: ${result.after.rest.shown}`);
  for (const line of result.after.census.warnings) console.log(`\nwarned: ${line}`);
  return goals.missed === 0;
}

function printDeeds({ seen, done, seconds }) {
  title('What was done');
  table(['deed', 'times', 'outcomes'], Object.entries(seen).map(([name, outcomes]) => {
    const sorted = Object.entries(outcomes).sort(([, a], [, b]) => b - a);
    return [name, timesOf(outcomes), sorted.map(([outcome, times]) => `${outcome}: ${times}`).join(', ')];
  }));
  console.log(`\n${figure(Object.values(seen).reduce((sum, outcomes) => sum + timesOf(outcomes), 0) / seconds)} deeds per second; besides:\n`);
  table(['disturbance', 'times'], Object.entries(done));
}

function timesOf(outcomes) {
  return Object.values(outcomes).reduce((sum, times) => sum + times, 0);
}

function unexpected(errors) {
  return errors.filter((line) => !line.includes('configuration not reloaded'));
}

function addRest(goals, { before, after, seen, errors, isSame }) {
  const outcomes = Object.values(seen).flatMap(Object.entries);
  const count = (pattern) => outcomes.reduce((sum, [outcome, times]) => sum + (pattern.test(outcome) ? times : 0), 0);
  goals.atLeast('same process', 1, { measured: Number(isSame) });
  goals.atMost('exchanges without an end', 0, { measured: count(/^hang/) });
  goals.atMost('answers of status 500', 0, { measured: count(/^500/) });
  goals.atMost('lines of level error, reloads of a bad file apart', 0, { measured: unexpected(errors).length });
  goals.atMost('warnings of Node', 0, { measured: after.census.warnings.length });
  for (const what of ['waiting', 'running', 'leases']) goals.atMost(`at rest: ${what}`, 0, { measured: after.rest[what] });
  goals.atMost('at rest: descriptors more than before', 0, { measured: after.rest.descriptors - before.rest.descriptors });
  for (const [name, number] of Object.entries(after.census.objects)) {
    const note = `(${before.census.objects[name]} → ${number})`;
    goals.atMost(`at rest: ${name} more than before`, CLASS_ALLOWANCE, { measured: number - before.census.objects[name], note });
  }
  for (const [name, field] of [['heap', 'heapUsed'], ['memory outside the heap', 'external']]) {
    const measured = (after.census[field] - before.census[field]) / MIB;
    goals.atMost(`at rest: ${name} more than before`, REST_ALLOWANCE, { measured, unit: ' MiB' });
  }
}

function addGrowth(goals, { samples }) {
  const half = samples.slice(Math.floor(samples.length / 2));
  const minutes = half.at(-1).at - half[0].at;
  if (minutes < SHORTEST_SLOPE) return console.log(`\nthe second half has ${figure(minutes)} minutes: growth under load is judged from ${SHORTEST_SLOPE} on`);
  for (const [what, [most, unit]] of Object.entries(GROWTH)) {
    const { value, error } = slope(half.map((sample) => [sample.at, sample[what]]));
    const note = `(slope ${figure(value)} ± ${figure(error)})`;
    goals.atMost(`second half: growth of ${what} per minute`, most, { measured: Math.max(0, value - 2 * error), unit, note });
  }
}
