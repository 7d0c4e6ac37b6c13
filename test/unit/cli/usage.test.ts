import { describe, expect, test } from '@jest/globals';
import { runCli } from '../../support/cli.ts';

const COMMANDS = ['serve', 'check', 'presets', 'demo', 'status', 'plan', 'load', 'unload', 'pause', 'resume', 'with-lease', 'top', 'queue', 'cancel', 'events', 'logs', 'history', 'init', 'doctor', 'completion', 'names', 'version'];

describe('the help', () => {
  test('names every command, the exit codes and where the configuration is looked for', async () => {
    const { code, out, err } = await runCli(['--help']);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(out).toContain('3  invalid configuration');
    expect(out).toContain('$MGPU_CONFIG');
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  test.each(COMMANDS)('of %s says how to use it', async (command) => {
    const { code, out } = await runCli([command, '--help']);
    expect(out).toMatch(new RegExp(`^Usage: mgpumanager ${command}( |$)`, 'm'));
    expect(code).toBe(0);
  });

  test.each([[['--version']], [['status', '--version']]])('%j says the version', async (argv) => {
    expect(await runCli(argv)).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
  });
});

describe('a wrong command line exits with 2 and says on stderr what is wrong', () => {
  test.each([
    [['stauts'], 'Did you mean status?'],
    [['status', '--jsn'], 'Did you mean --json?'],
    [['check', 'extra'], 'too many arguments'],
    [['load'], "missing required argument 'name'"],
    [['unload'], 'expected either the name of a consumer or --all'],
    [['unload', 'a', '--all'], 'expected either the name of a consumer or --all'],
    [['plan'], 'expected either --kind or --consumer'],
    [['plan', '--kind', 'video'], 'Allowed choices are tts, stt, llm, image'],
    [['plan', '--kind', 'tts', '--consumer', 'a'], 'cannot be used with'],
    [['pause', 'now'], 'too many arguments'],
    [['with-lease', 'llm'], 'expected `--` and a command behind it'],
    [['with-lease', 'llm', '--'], 'expected `--` and a command behind it'],
    [['with-lease', 'llm', 'ls'], 'expected `--` and a command behind it'],
    [['with-lease', 'llm', 'tts', '--', 'ls'], 'expected `--` and a command behind it'],
    [['with-lease', '--', 'ls'], 'expected either a kind or --consumer'],
    [['with-lease', 'llm', '--consumer', 'a', '--', 'ls'], 'expected either a kind or --consumer'],
    [['with-lease', 'video', '--', 'ls'], 'expected one of the kinds tts, stt, llm, image, got "video"'],
    [['with-lease', 'llm', '--ttl', '60', '--', 'ls'], 'expected a duration with its unit such as 500ms, 5s or 2m for --ttl, got "60"'],
    [['with-lease', 'llm', '--ttl', '0s', '--', 'ls'], 'expected a duration of at least 1ms for --ttl'],
    [['with-lease', 'llm', '--wait', 'long', '--', 'ls'], 'for --wait, got "long"'],
    [['status', '--url', 'ftp://h'], 'expected the daemon'],
    [['serve', '--listen', 'h:99999'], 'expected a port from 0 to 65535, got "h:99999"'],
    [['demo', '--listen', 'h'], 'expected HOST:PORT'],
    [['check', '-c'], "argument missing"],
    [['cancel'], "missing required argument 'id'"],
    [['events', '--types', 'unloaded,nothing'], 'got "nothing"'],
    [['events', '--types', ','], 'for --types, got ","'],
    [['logs', '-n', '3000'], 'expected a number from 0 to 2000 for --lines, got "3000"'],
    [['logs', '--level', 'trace'], 'Allowed choices are error, warn, info, debug'],
    [['history', '--what', 'all'], 'Allowed choices are exchanges, evictions, loads, health, config, vram'],
    [['history', '--json', '--csv'], 'expected either --json or --csv'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
    [['init', '--at', 'ftp://h'], 'expected an address such as 127.0.0.1:9000 for --at, got "ftp://h"'],
    [[], 'Usage: mgpumanager'],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await runCli(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
