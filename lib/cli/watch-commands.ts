import { Option } from 'commander';
import type { Command } from 'commander';
import { LOG_LEVELS } from '../core/log-lines.ts';
import { HISTORIES } from './history-names.ts';
import type { WatchActions } from './watch-actions.ts';

/** A help that begins with how it is used. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('before', `Example:\n${examples.map((example) => `  ${example}`).join('\n')}\n`);
}

/** The commands that look at a running daemon. */
export function addWatchCommands(program: Command, actions: WatchActions): void {
  withExamples(program.command('top').description('show a running daemon live: the card, what runs and waits, the last evictions'), 'mgpumanager top')
    .option('--ascii', 'only characters of ASCII (else where the terminal has no UTF-8)')
    .option('--once', 'one picture, and the end')
    .action((_options, command: Command) => actions.top(command.optsWithGlobals()));
  withExamples(program.command('queue').description('list what runs and what waits, with when it begins and what has to go for it'), 'mgpumanager queue')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.queue(command.optsWithGlobals()));
  withExamples(program.command('cancel').description('take requests out of the queue, or end them where they run'), 'mgpumanager cancel 17')
    .argument('<id...>', 'ids, as `queue` shows them')
    .option('--json', 'print JSON')
    .action((ids: string[], _options, command: Command) => actions.cancel(ids, command.optsWithGlobals()));
  addPast(program, actions);
}

function addPast(program: Command, actions: WatchActions): void {
  withExamples(program.command('events').description('tell what has happened lately'), 'mgpumanager events -f', 'mgpumanager events --types unloaded,loaded --json')
    .option('-f, --follow', 'go on with what happens, also when the daemon was away meanwhile')
    .option('--types <types>', 'only these, with commas between them (else all but sample)')
    .option('--json', 'print JSON, one event a line')
    .action((_options, command: Command) => actions.events(command.optsWithGlobals()));
  withExamples(program.command('logs').description('show the newest lines of the log of a running daemon'), 'mgpumanager logs -f --level warn')
    .option('-f, --follow', 'go on with each new line, also when the daemon was away meanwhile')
    .option('--grep <text>', 'only lines with this text, in any case')
    .addOption(new Option('--level <level>', 'only this level and graver ones').choices(LOG_LEVELS))
    .option('-n, --lines <number>', 'so many of the newest (else 100; 2000 are kept)')
    .option('--json', 'print JSON, one line of the log a line')
    .action((_options, command: Command) => actions.logs(command.optsWithGlobals()));
  withExamples(program.command('history').description('show what the daemon has kept of the past'), 'mgpumanager history --what evictions --since 24h')
    .addOption(new Option('--what <what>', 'of what (else exchanges)').choices(HISTORIES))
    .option('--since <when>', 'not before this: a time, or a duration such as 2h')
    .option('--until <when>', 'not after this')
    .option('--consumer <name>', 'only of this consumer')
    .option('--kind <kind>', 'only requests of this kind')
    .option('--code <code>', 'only those that ended with this error')
    .option('--status <status>', 'only those that ended with this status')
    .option('--client <client>', 'only requests of this client')
    .option('--limit <number>', 'so many of the newest (else 100)')
    .option('--before <id>', 'the page after that row')
    .option('--json', 'print JSON')
    .option('--csv', 'print CSV')
    .action((_options, command: Command) => actions.history(command.optsWithGlobals()));
}
