import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Env } from '../config/env.ts';
import { parseConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { packageFolder } from '../version.ts';
import { reasonOf } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { findServers, knownAddresses, type Findings } from './find-servers.ts';
import { configText, named, type NamedServer } from './init-file.ts';
import { httpUrl } from './settings.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface InitOptions {
  /** Path of what is written. */
  readonly file: string;
  /** Replace what is there. */
  readonly force: boolean;
  /** Addresses to look at beside the known ports. */
  readonly at: readonly string[];
  readonly json: boolean;
  readonly env: Env;
}

/**
 * Finds the servers that run on this machine and writes a configuration for them. Returns the exit code.
 * @throws UsageError if one of the addresses is none.
 */
export async function init({ file, force, at, json, env }: InitOptions, terminal: Terminal): Promise<number> {
  const addresses = [...new Set([...at.map((address) => httpUrl(address, 'an address such as 127.0.0.1:9000 for --at')), ...knownAddresses()])];
  if (!force && existsSync(file)) return refuse(`${file} is there already; --force replaces it, --file writes another`, terminal);
  if (!json) terminal.err(`Looking at ${addresses.length} addresses …\n`);
  const found = await findServers(addresses);
  const servers = named(found.servers);
  if (servers.length === 0) return nothingFound(found, addresses, { json, terminal });
  const text = configText(servers, schemaFrom(file));
  const result = parseConfig(text, file, env);
  if (!result.ok) return refuse(`what was found makes no valid configuration: ${result.problems.map(formatProblem).join('; ')}`, terminal);
  const fault = write(file, text, force);
  if (fault !== null) return refuse(fault, terminal);
  terminal.out(json ? `${JSON.stringify(report(file, servers, found), null, 2)}\n` : summary(file, servers, { found, width: terminal.width }));
  return EXIT.fine;
}

function refuse(message: string, terminal: Terminal): number {
  terminal.err(`mgpumanager: ${message}\n`);
  return EXIT.failed;
}

function nothingFound(found: Findings, addresses: readonly string[], { json, terminal }: { readonly json: boolean; readonly terminal: Terminal }): number {
  if (json) terminal.out(`${JSON.stringify(report(null, [], found), null, 2)}\n`);
  const ports = addresses.map((address) => address.replace('http://127.0.0.1:', '')).join(', ');
  const strangers = found.unknown.length === 0 ? '' : `\nSomething that is not known answers at ${found.unknown.join(', ')}.`;
  return refuse(`no known server answers at ${ports}; nothing was written.${strangers}\nStart your servers, or say where they are with --at; \`mgpumanager presets\` lists which are known.`, terminal);
}

/** Whole or not at all. Returns what kept it from being written; null: nothing. */
function write(file: string, text: string, force: boolean): string | null {
  try {
    mkdirSync(dirname(file), { recursive: true });
    // A file that came meanwhile is not replaced.
    writeFileSync(force ? `${file}.new` : file, text, { flag: force ? 'w' : 'wx' });
    if (force) renameSync(`${file}.new`, file);
    return null;
  } catch (error) {
    return `${file} cannot be written: ${reasonOf(error)}`;
  }
}

function schemaFrom(file: string): string {
  const schema = relative(dirname(file), join(packageFolder(), 'schemas', 'config.schema.json'));
  return schema.startsWith('.') ? schema : `./${schema}`;
}

function report(file: string | null, servers: readonly NamedServer[], { unknown }: Findings): Record<string, unknown> {
  return { file, found: servers.map(({ name, url, preset }) => ({ name, preset: preset.name, url })), unknown };
}

function summary(file: string, servers: readonly NamedServer[], { found, width }: { readonly found: Findings; readonly width: number | null }): string {
  const rows = servers.map(({ name, url, preset }) => [{ text: name }, { text: url }, { text: preset.title }]);
  const lines = [
    ...table([{ heading: 'FOUND' }, { heading: 'AT' }, { heading: 'IS', optional: true }], rows, width),
    ...(found.unknown.length === 0 ? [] : ['', `Something that is not known answers at ${found.unknown.join(', ')}.`]),
    '',
    `Wrote ${file}. Next:`,
    `  mgpumanager check -c ${file}     what is in it, and who can reach the daemon`,
    `  mgpumanager doctor -c ${file}    whether everything works`,
    `  mgpumanager serve -c ${file}     run the daemon`,
  ];
  return `${lines.join('\n')}\n`;
}
