import { version } from '../version.ts';
import { completionScript, SHELLS, type LiveWords, type ProgramWords } from './completion.ts';
import { EXIT } from './exit-codes.ts';
import { configPath, daemonAddress, daemonKey, UsageError, type AddressFlags } from './settings.ts';
import type { WatchContext } from './watch-actions.ts';

/** Options as they stand on the command line. */
export interface SetupFlags extends AddressFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly tryHooks?: boolean;
  readonly yes?: boolean;
  readonly file?: string;
  readonly force?: boolean;
  readonly at?: readonly string[];
}

/** What the commands do that help to set things up. */
export interface SetupActions {
  doctor(flags: SetupFlags): Promise<void>;
  init(flags: SetupFlags): Promise<void>;
  completion(shell: string, program: ProgramWords): Promise<void>;
  names(what: LiveWords, flags: SetupFlags): Promise<void>;
  version(flags: SetupFlags): Promise<void>;
}

/** The real ones. What looks at servers is imported only when it is to run, so that the other commands start fast. */
export function setupActions({ terminal, env, done }: WatchContext): SetupActions {
  return {
    doctor: async ({ config, url, keyFile, json = false, tryHooks = false, yes = false }) => {
      const options = { config: configPath(config, env), url, key: daemonKey(keyFile, env), json, tryHooks, yes, env };
      const { doctor } = await import('./doctor.ts');
      done(await doctor(options, terminal));
    },
    init: async ({ config, file, force = false, at = [], json = false }) => {
      const { init } = await import('./init.ts');
      done(await init({ file: file ?? configPath(config, env), force, at, json, env }, terminal));
    },
    completion: async (shell, program) => {
      const known = SHELLS.find((each) => each === shell);
      if (known === undefined) throw new UsageError(`expected one of ${SHELLS.join(', ')}, got ${JSON.stringify(shell)}`);
      terminal.out(completionScript(known, program));
      done(EXIT.fine);
    },
    names: async (what, flags) => {
      const { names } = await import('./names.ts');
      done(await names({ ...daemonAddress(flags, env), what }, terminal));
    },
    version: async ({ json = false }) => {
      const facts = { name: 'mgpumanager', version: version(), node: process.version };
      terminal.out(json ? `${JSON.stringify(facts, null, 2)}\n` : `${facts.version}\n`);
      done(EXIT.fine);
    },
  };
}
