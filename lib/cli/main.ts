import { Command, CommanderError, Option } from 'commander';
import type { Env } from '../config/env.ts';
import { KINDS } from '../config/types.ts';
import { version } from '../version.ts';
import { runningActions, type Actions } from './actions.ts';
import { EXIT, EXIT_WORDS } from './exit-codes.ts';
import { UsageError } from './settings.ts';
import { addSetupCommands } from './setup-commands.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { addWatchCommands } from './watch-commands.ts';

const AFTER_HELP = `
Examples:
  mgpumanager init
  mgpumanager doctor
  mgpumanager check -c config/consumers.yaml
  mgpumanager presets ollama
  mgpumanager serve -c config/consumers.yaml
  mgpumanager status --watch
  mgpumanager top
  mgpumanager events -f
  mgpumanager plan --kind image
  mgpumanager unload --all
  mgpumanager pause --unload
  mgpumanager with-lease llm -- python3 batch.py

Exit codes:
${EXIT_WORDS.map(([code, words]) => `  ${code}  ${words}`).join('\n')}`;

/** Runs the command line of this process and sets its exit code. `argv`: what stands behind the program's name. */
export async function main(argv: string[]): Promise<void> {
  process.exitCode = await run(argv, processTerminal(process.env), process.env);
}

/** Runs one command line. Returns the exit code. */
export async function run(argv: readonly string[], terminal: Terminal, env: Env): Promise<number> {
  let code: number = EXIT.fine;
  const program = createProgram(runningActions({ terminal, env, behindDashes: behindDashes(argv), done: (result) => (code = result) }), terminal);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has already written its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    if (!(error instanceof UsageError)) throw error;
    terminal.err(`error: ${error.message}\n`);
    return EXIT.usage;
  }
}

/** Commander puts them behind the other words and does not say where they begin. */
function behindDashes(argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('--');
  return at === -1 ? [] : argv.slice(at + 1);
}

/** The definition of the command line. */
export function createProgram(actions: Actions, terminal: Pick<Terminal, 'out' | 'err'>): Command {
  const program = new Command('mgpumanager')
    .description('One port, one fair queue and one card for the inference servers of a GPU box')
    .version(version())
    .option('-c, --config <file>', 'configuration of serve, check, doctor and init (else $MGPU_CONFIG, else config/consumers.yaml)')
    .option('--url <url>', 'where the running daemon is (else $MGPU_URL, else http://127.0.0.1:8770)')
    .option('--key-file <file>', 'file with the key to show to the running daemon (else $MGPU_KEY)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(--help says more)')
    .exitOverride()
    .addHelpText('after', AFTER_HELP);
  addDaemonCommands(program, actions);
  addClientCommands(program, actions);
  addWatchCommands(program, actions);
  addCardCommands(program, actions);
  addSetupCommands(program, actions);
  return program;
}

function addDaemonCommands(program: Command, actions: Actions): void {
  const listen = (command: Command) => command.option('--listen <host:port>', 'address instead of the configured one; port 0 picks a free one');
  listen(program.command('serve').description('run the daemon in the foreground'))
    .action((_options, command: Command) => actions.serve(command.optsWithGlobals()));
  program.command('check').description('say everything that is wrong with a configuration')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.check(command.optsWithGlobals()));
  program.command('presets').description('list the known servers, or show what the preset of one fills in').argument('[name]', 'name of the preset')
    .option('--json', 'print JSON')
    .action((name: string | undefined, _options, command: Command) => actions.presets(name, command.optsWithGlobals()));
  listen(program.command('demo').description('run the daemon on a simulated card with four small servers; needs no GPU'))
    .action((_options, command: Command) => actions.demo(command.optsWithGlobals()));
}

function addClientCommands(program: Command, actions: Actions): void {
  program.command('status').description('show the card, the consumers and the queue of a running daemon')
    .option('--json', 'print JSON; with --watch one line for each look')
    .option('--watch', 'look again every 2 s until interrupted')
    .action((_options, command: Command) => actions.status(command.optsWithGlobals()));
  program.command('plan').description('say what a request would do now; nothing is done')
    .addOption(new Option('--kind <kind>', 'for a request of this kind').choices(KINDS).conflicts('consumer'))
    .option('--consumer <name>', 'for a request to this consumer')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.plan(command.optsWithGlobals()));
  program.command('load').description('load a consumer').argument('<name>', 'name of the consumer')
    .action((name: string, _options, command: Command) => actions.load(name, command.optsWithGlobals()));
  program.command('unload').description('unload a consumer, or all of them').argument('[name]', 'name of the consumer')
    .option('--all', 'every resident consumer that can be unloaded')
    .action((name: string | undefined, _options, command: Command) => actions.unload(name, command.optsWithGlobals()));
}

function addCardCommands(program: Command, actions: Actions): void {
  program.command('pause').description('let running work end and refuse new work, so that something else can have the card')
    .option('--unload', 'then unload everything that can be; returns when that is done')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.pause(command.optsWithGlobals()));
  program.command('resume').description('take work again')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.resume(command.optsWithGlobals()));
  const withLease = program.command('with-lease').description('run a command that has the card to itself for all its requests')
    .usage('[options] (<kind> | --consumer <name>) -- <command...>')
    .argument('[kind]', 'for requests of this kind').argument('[command...]', 'what to run, with its arguments')
    .option('--consumer <name>', 'for requests to this consumer')
    .option('--ttl <duration>', 'how long the lease lives should this process be killed (else 60s)')
    .option('--wait <duration>', 'longest wait for the card (else queue.max_wait)')
    .action(() => actions.withLease(withLease.args, withLease.optsWithGlobals()));
}
