import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { Actions } from '../../../lib/cli/actions.ts';
import { EXIT_WORDS } from '../../../lib/cli/exit-codes.ts';
import { createProgram } from '../../../lib/cli/main.ts';

const PAGE = readFileSync('docs/cli.md', 'utf8');
const nothing = async (): Promise<void> => {};
const actions: Actions = {
  serve: nothing,
  check: nothing,
  presets: nothing,
  demo: nothing,
  status: nothing,
  plan: nothing,
  load: nothing,
  unload: nothing,
  pause: nothing,
  resume: nothing,
  withLease: nothing,
  queue: nothing,
  cancel: nothing,
  events: nothing,
  logs: nothing,
  history: nothing,
  top: nothing,
  doctor: nothing,
  init: nothing,
  completion: nothing,
  names: nothing,
  version: nothing,
};
const program = createProgram(actions, { out: () => {}, err: () => {} });

/** The rows of the page's tables that match, as the texts of the pattern's groups. */
function rows(pattern: RegExp): string[] {
  return Array.from(PAGE.matchAll(pattern), ([, ...groups]) => groups.join(' ')).toSorted();
}

test('README.md names only commands that there are', () => {
  const names = program.commands.map((command) => command.name());
  const named = Array.from(readFileSync('README.md', 'utf8').matchAll(/\bmgpumanager ([a-z-]+)/g), ([, name = '']) => name);
  expect(named).toContain('with-lease');
  expect(named.filter((name) => !names.includes(name))).toEqual([]);
});

describe('docs/cli.md has', () => {
  test('every command with its arguments, and no others', () => {
    const defined = program.commands.map((command) => {
      const names = command.registeredArguments.map((argument) => (argument.required ? ` <${argument.name()}>` : ` [${argument.name()}]`));
      return `${command.name()}${names.join('')}`;
    });
    expect(rows(/^\| `mgpumanager ([^`]+)` \|/gm)).toEqual(defined.toSorted());
  });

  test('every option of every command, and no others', () => {
    const own = program.commands.flatMap((command) => command.options.map((option) => `\`${command.name()}\` ${option.flags}`));
    const common = [...program.options.map((option) => option.flags), '-h, --help'].map((flags) => `every one ${flags}`);
    expect(rows(/^\| (`[\w-]+`|every one) \| `(-[^`]+)` \|/gm)).toEqual([...own, ...common].toSorted());
  });

  test('every exit code', () => {
    expect(rows(/^\| (\d) \| (.+) \|$/gm)).toEqual(EXIT_WORDS.map(([code, words]) => `${code} ${words}`));
  });
});
