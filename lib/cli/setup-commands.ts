import { Argument } from 'commander';
import type { Command, Option } from 'commander';
import { presetNames } from '../config/presets.ts';
import { KINDS } from '../config/types.ts';
import { LIVE_WORDS, SHELLS, type CommandWords, type LiveWords, type OptionWords, type ProgramWords } from './completion.ts';
import type { SetupActions } from './setup-actions.ts';
import { withExamples } from './watch-commands.ts';

/** The commands that help to set things up. */
export function addSetupCommands(program: Command, actions: SetupActions): void {
  withExamples(program.command('init').description('find the servers that run on this machine and write a configuration for them'), 'mgpumanager init --file my.yaml')
    .option('--file <file>', 'what to write (else the configuration, as of --config)')
    .option('--force', 'replace it if it is there')
    .option('--at <address...>', 'look at these too, such as 127.0.0.1:9000')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.init(command.optsWithGlobals()));
  withExamples(program.command('doctor').description('look whether everything works, and say what to do where it does not'), 'mgpumanager doctor', 'mgpumanager doctor --try-hooks --yes')
    .option('--try-hooks', 'unload and load every consumer for real')
    .option('--yes', 'without being asked whether that is meant')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.doctor(command.optsWithGlobals()));
  withExamples(program.command('completion').description('print a script that has a shell complete the words of this program'), 'source <(mgpumanager completion bash)')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .action((shell: string) => actions.completion(shell, wordsOf(program)));
  withExamples(program.command('names').description('print names that a running daemon knows, one a line, as completion wants them'), 'mgpumanager names consumers')
    .addArgument(new Argument('<what>', 'of what').choices(LIVE_WORDS))
    .action((what: LiveWords, _options, command: Command) => actions.names(what, command.optsWithGlobals()));
  program.command('version').description('print the version')
    .option('--json', 'print JSON')
    .action((_options, command: Command) => actions.version(command.optsWithGlobals()));
}

function wordsOf(program: Command): ProgramWords {
  const help: OptionWords = { flags: ['-h', '--help'], about: 'print the help of the command', takesValue: false, choices: [], live: null };
  return { name: program.name(), options: [...program.options.map(optionWords), help], commands: program.commands.map(commandWords) };
}

/** What arguments are that the command table does not say, or only in words. */
const ARGUMENTS: Readonly<Record<string, Partial<CommandWords>>> = {
  load: { live: 'consumers' },
  unload: { live: 'consumers' },
  cancel: { live: 'requests' },
  'with-lease': { choices: KINDS },
};

function commandWords(command: Command): CommandWords {
  const name = command.name();
  const choices = name === 'presets' ? presetNames() : command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  return { name, about: command.description(), options: command.options.map(optionWords), choices, live: null, ...ARGUMENTS[name] };
}

function optionWords({ short, long, description, required, optional, argChoices }: Option): OptionWords {
  const flags = [short, long].filter((flag) => flag !== undefined);
  return { flags, about: description, takesValue: required || optional, choices: argChoices ?? [], live: long === '--consumer' ? 'consumers' : null };
}
