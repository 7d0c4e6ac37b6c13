import { describe, expect, test } from '@jest/globals';
import { runCli } from '../../support/cli.ts';

const COMMANDS = ['serve', 'check', 'demo', 'status', 'plan', 'load', 'unload'];

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
    expect(out).toMatch(new RegExp(`^Usage: mgpumanager ${command} `));
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
    [['status', '--url', 'ftp://h'], 'expected the daemon'],
    [['serve', '--listen', 'h:99999'], 'expected a port from 0 to 65535, got "h:99999"'],
    [['demo', '--listen', 'h'], 'expected HOST:PORT'],
    [['check', '-c'], "argument missing"],
    [[], 'Usage: mgpumanager'],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await runCli(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
