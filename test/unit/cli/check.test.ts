import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgpu-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const good = file('good.yaml', 'consumers: { a: { url: "http://h:1" } }\n');
const bad = file('bad.yaml', 'lisen: x\nconsumers: { a: { url: "http://h:1", priority: 9 } }\n');
const odd = file('odd.yaml', 'listen: "${HOST}:1"\nrouting: { tts: a }\nconsumers: { a: { url: "http://h:1" } }\n');

describe('check', () => {
  test('of a good file says that it is fine', async () => {
    const { code, out, err } = await runCli(['check', '-c', good]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n')[0]).toBe(`${good}: fine (1 consumer, listens at 127.0.0.1:8770)`);
  });

  test('of a good file says who can reach it and what they may do', async () => {
    const { out } = await runCli(['check', '-c', good]);
    expect(out.split('\n').slice(1)).toEqual([
      'Who can reach it:',
      '  reached at 127.0.0.1:8770 (this machine only)',
      '  loopback (127.0.0.0/8, ::1/128): infer, read; programs also admin',
      '  tailscale (100.64.0.0/10, fd7a:115c:a1e0::/48): infer, read',
      '  all other addresses are refused',
      '  web pages of other origins: refused',
      '',
    ]);
  });

  test('of a bad file prints every problem and exits with 3', async () => {
    const { code, out } = await runCli(['check', '--config', bad]);
    expect(code).toBe(3);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(`^${bad}:1:1: lisen: .*did you mean "listen"`),
      `${bad}:2:48: consumers.a.priority: expected at most 4, got 9`,
      `${bad}: 2 problems`,
      '',
    ]);
  });

  test('prints warnings of a good file, and takes variables from the environment', async () => {
    const { code, out } = await runCli(['check', '-c', odd], { env: { HOST: '0.0.0.0' } });
    expect(code).toBe(0);
    expect(out).toContain(`${odd}:2:17: routing.tts: warning: expected a consumer with paths.tts`);
    expect(out).toContain('listens at 0.0.0.0:1');
  });

  test('takes the file from $MGPU_CONFIG, and options before the command', async () => {
    expect((await runCli(['check'], { env: { MGPU_CONFIG: bad } })).code).toBe(3);
    expect((await runCli(['-c', good, 'check'], { env: { MGPU_CONFIG: bad } })).code).toBe(0);
  });

  test('with --json prints the same as JSON', async () => {
    const { code, out } = await runCli(['check', '--json', '-c', bad]);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      file: bad,
      problems: [
        { file: bad, line: 1, column: 1, where: 'lisen', message: expect.any(String) },
        { file: bad, line: 2, column: 48, where: 'consumers.a.priority', message: 'expected at most 4, got 9' },
      ],
      warnings: [],
    });
    expect(JSON.parse((await runCli(['check', '--json', '-c', good])).out)).toEqual({ ok: true, file: good, problems: [], warnings: [] });
  });
});
