import { resolve } from 'node:path';
import { lineStarts } from './marks.ts';
import { child, type Pointer } from './pointer.ts';
import { describeFaults, type Fault, type Problem } from './problem.ts';
import { readPrivateText } from './read-file.ts';
import { schemaFault } from './schema-faults.ts';
import { validateKeys } from './schema.ts';
import { itemsOf, memberOf, textOf } from './tree.ts';
import type { AccessKey } from './types.gen.ts';
import { readYaml } from './yaml.ts';

/** The keys of the file that `access.keys_file` names, and all that is wrong with keys. */
export interface Keys {
  readonly keys: readonly AccessKey[];
  /** In the configuration file. */
  readonly faults: readonly Fault[];
  /** In the file of keys. */
  readonly problems: readonly Problem[];
}

const LIST = 'a list of keys: - { name: …, sha256: …, scopes: [infer] }';
/** Somebody may have written a key where its hash belongs. */
const HIDDEN = 'a value that is not shown here';

/** Reads the file of keys, which is looked for in `folder`, and looks for keys that are there twice. What the schema sees in `file` is left to it. */
export function readKeys(file: unknown, folder: string): Keys {
  const access = memberOf(file, 'access');
  const seen = new Set<string>();
  const faults = repeated(memberOf(access, 'keys'), '/access/keys', seen);
  const path = textOf(access, 'keys_file');
  if (path === null || path === '') return { keys: [], faults, problems: [] };
  const full = resolve(folder, path);
  const text = readPrivateText(full);
  if (text.ok) return { ...readList(text.text, full, seen), faults };
  const unread: Fault = { pointer: '/access/keys_file', at: 'value', expected: 'a file that only its owner can read, with a list of keys', got: text.got };
  return { keys: [], faults: [...faults, unread], problems: [] };
}

function readList(text: string, path: string, seen: Set<string>): Pick<Keys, 'keys' | 'problems'> {
  const plain = text.replace(/^\ufeff/, '');
  const place = { file: path, lines: lineStarts(plain), show: () => HIDDEN };
  const yaml = readYaml(plain);
  if (!yaml.ok) return { keys: [], problems: describeFaults(yaml.faults.map(ofList), { ...place, marks: new Map() }) };
  const { keys, errors } = validateKeys(yaml.value);
  const found = [...yaml.faults, ...errors.map(schemaFault).filter((fault) => fault !== null), ...repeated(yaml.value, '', seen)];
  return { keys, problems: describeFaults(found, { ...place, marks: yaml.marks }) };
}

/** An empty file is said to be no configuration. */
function ofList(fault: Fault): Fault {
  return fault.got === 'an empty file' ? { ...fault, expected: LIST } : fault;
}

/** Names and hashes that are there already; `seen` takes those of this list. */
function repeated(list: unknown, pointer: Pointer, seen: Set<string>): Fault[] {
  return itemsOf(list).flatMap((key, index) =>
    (['name', 'sha256'] as const).flatMap((member): Fault[] => {
      const value = textOf(key, member);
      if (value === null) return [];
      const id = `${member} ${value.toLowerCase()}`;
      const isAgain = seen.has(id);
      seen.add(id);
      const expected = member === 'name' ? 'a name that no other key has' : 'the hash of a key that is not listed yet';
      return isAgain ? [{ pointer: child(child(pointer, index), member), at: 'value', expected, got: member === 'name' ? JSON.stringify(value.slice(0, 64)) : HIDDEN }] : [];
    }),
  );
}
