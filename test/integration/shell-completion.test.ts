import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { runCli } from '../support/cli.ts';

const script = async (shell: string): Promise<string> => (await runCli(['completion', shell])).out;

/** What bash offers for the last word of a line. */
async function offered(line: string): Promise<string[]> {
  const program = `${await script('bash')}
mgpumanager() { echo "$*" | sed 's/ /_/g'; }
COMP_LINE='${line}'; COMP_POINT=${line.length}; COMPREPLY=()
_mgpumanager; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', program], { encoding: 'utf8' }).split('\n').filter((word) => word !== '');
}

describe('the completion of bash', () => {
  test('is a script that bash can read, and is registered for the program', async () => {
    const text = await script('bash');
    expect(execFileSync('bash', ['-n'], { input: text, encoding: 'utf8' })).toBe('');
    expect(execFileSync('bash', ['-c', `${text}\ncomplete -p mgpumanager`], { encoding: 'utf8' })).toContain('-F _mgpumanager mgpumanager');
  });

  test.each([
    ['mgpumanager que', ['queue']],
    ['mgpumanager pl', ['plan']],
    ['mgpumanager --url http://h:1 re', ['resume']],
    ['mgpumanager events --t', ['--types']],
    ['mgpumanager plan --kind ', ['tts', 'stt', 'llm', 'image']],
    ['mgpumanager history --what ev', ['evictions']],
    ['mgpumanager history --kind ', []],
    ['mgpumanager --key-file ke', []],
    ['mgpumanager completion ', ['bash', 'zsh', 'fish']],
    ['mgpumanager completion --h', ['--help']],
    ['mgpumanager version ', ['--json', '-V', '--version', '-c', '--config', '--url', '--key-file', '-h', '--help']],
    ['mgpumanager presets whis', ['whisper.cpp']],
    ['mgpumanager with-lease ', ['tts', 'stt', 'llm', 'image']],
    ['mgpumanager load ', ['names_consumers']],
    ['mgpumanager cancel ', ['names_requests']],
    ['mgpumanager --url http://h:1 --key-file k unload ', ['--url_http://h:1_--key-file_k_names_consumers']],
    ['mgpumanager plan --consumer ', ['names_consumers']],
    ['mgpumanager with-lease llm -- ls --u', []],
    ['mgpumanager with-lease llm --u', ['--url']],
  ])('offers for %j %j', async (line, words) => {
    expect(await offered(line)).toEqual(words);
  });
});

test.each(['zsh', 'fish'])('the completion of %s has every command with its options', async (shell) => {
  const text = await script(shell);
  const { out: help } = await runCli(['--help']);
  const commands = [...(help.split('Commands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name);
  expect(commands).toContain('with-lease');
  for (const name of commands) if (name !== 'help') expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  expect(text).toContain(shell === 'zsh' ? "'--try-hooks[" : '-l try-hooks');
});
