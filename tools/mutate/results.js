import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from '../../bench/support/report.js';
import config from './stryker.config.js';

const NOTICED = ['Killed', 'Timeout'];
const UNNOTICED = ['Survived', 'NoCoverage'];

/** What became of the changes to each of `files`. Those without any (types alone), and changes that do not run at all, are left out. */
export function readResults(root, files) {
  const report = JSON.parse(readFileSync(join(root, config.jsonReporter.fileName), 'utf8'));
  return files.map((file) => resultOf(file, report.files[file])).filter(({ all }) => all > 0);
}

function resultOf(file, { source, mutants } = { source: '', mutants: [] }) {
  const lines = source.split('\n');
  const unnoticed = mutants.filter(({ status }) => UNNOTICED.includes(status)).map((mutant) => ({ ...mutant, line: lines[mutant.location.start.line - 1].trim() }));
  return { file, all: unnoticed.length + mutants.filter(({ status }) => NOTICED.includes(status)).length, unnoticed };
}

/** Each with its place, what is there, and what no test has distinguished from it. */
export function printSurvivors(results) {
  for (const { file, unnoticed } of results) {
    for (const { line, location, replacement, mutatorName, status } of unnoticed) {
      const { start, end } = location;
      console.log(`${file}:${start.line}:${start.column}-${end.column} ${mutatorName}${status === 'NoCoverage' ? ', reached by no test' : ''}`);
      console.log(`    ${line}\n    ${replacement.replaceAll(/\s+/g, ' ')}`);
    }
  }
}

export function printTable(results) {
  const total = { file: 'all', all: sum(results, ({ all }) => all), unnoticed: results.flatMap(({ unnoticed }) => unnoticed) };
  const rows = [...results, total].map((row) => [row.file, row.all, row.all - row.unnoticed.length, row.unnoticed.length, scoreOf([row]).toFixed(1)]);
  console.log('');
  table(['file', 'mutants', 'killed', 'survived', '%'], rows);
}

/** Share of the changes that some test noticed, %. */
export function scoreOf(results) {
  return (1 - sum(results, ({ unnoticed }) => unnoticed.length) / sum(results, ({ all }) => all)) * 100;
}

function sum(items, pick) {
  return items.reduce((total, item) => total + pick(item), 0);
}
