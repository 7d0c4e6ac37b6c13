import { Goals, figure, table, title } from '../../bench/support/report.js';
import { slope } from './samples.js';

/**
 * Growth that is allowed under load: each minute of a long run, and once in a short one, where pools and caches still fill. What a slope
 * may be off by chance (two standard errors) is taken off first.
 */
const GROWTH = {
  rss: { each: 1, once: 24, unit: ' MiB' },
  heap: { each: 1, once: 2, unit: ' MiB' },
  descriptors: { each: 1, once: 8 },
  timers: { each: 1, once: 8 },
  sockets: { each: 1, once: 8 },
  listeners: { each: 1, once: 2 },
};
/** Objects at rest that a run of any length may leave behind: caches that fill, such as those of inline functions. */
const CLASS_ALLOWANCE = 8;
/** Memory at rest, after a collection, whose share of compiled code and pools varies. MiB. */
const REST_ALLOWANCE = 2;
/** From this length of its second half on a run is a long one. Minutes. */
const LONG = 2;
/** A server that stands still or restarts in the middle of its unload may cause one. */
const VAIN_ALLOWANCE = 2;
const MIB = 2 ** 20;

/** Prints what happened and which goals are met. Returns whether all are. */
export function report(result) {
  printDeeds(result);
  const goals = new Goals();
  addRest(goals, result);
  addGrowth(goals, result);
  goals.print();
  for (const { line, before } of unexpected(result.errors).slice(0, 5)) console.log(`\nlogged: ${[...before, line].join('\n        ')}`);
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

/** A reload of a bad file is an error, and is meant to be. */
function unexpected(errors) {
  return errors.filter(({ line }) => !line.includes('configuration not reloaded'));
}

/** An unload that came to nothing, after which the next candidate is unloaded. */
function isVain({ line }) {
  return /"message":"(unload failed|unloaded, but its memory was not seen free)"/.test(line);
}

function addRest(goals, { before, after, seen, errors, isSame }) {
  const outcomes = Object.values(seen).flatMap(Object.entries);
  const count = (pattern) => outcomes.reduce((sum, [outcome, times]) => sum + (pattern.test(outcome) ? times : 0), 0);
  goals.atLeast('same process', 1, { measured: Number(isSame) });
  goals.atMost('exchanges without an end', 0, { measured: count(/^hang/) });
  goals.atMost('answers of status 500', 0, { measured: count(/^500/) });
  // Whatever holds memory here can be unloaded, and any fake fits once it has been.
  goals.atMost('refusals for want of memory', 0, { measured: count(/insufficient_vram/) });
  goals.atMost('lines of level error, reloads of a bad file and unloads in vain apart', 0, { measured: unexpected(errors).filter((error) => !isVain(error)).length });
  goals.atMost('unloads in vain', VAIN_ALLOWANCE, { measured: errors.filter(isVain).length });
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
  for (const [what, { each, once, unit = '' }] of Object.entries(GROWTH)) {
    const { value, error } = slope(half.map((sample) => [sample.at, sample[what]]));
    const most = minutes < LONG ? Number((once / minutes).toFixed(1)) : each;
    const note = `(${figure(half[0][what])} → ${figure(half.at(-1)[what])}, slope ${figure(value)} ± ${figure(error)})`;
    goals.atMost(`second half: growth of ${what} per minute`, most, { measured: Math.max(0, value - 2 * error), unit, note });
  }
}
