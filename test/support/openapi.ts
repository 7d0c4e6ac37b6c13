import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ERRORS } from '../../lib/errors.ts';

type Schema = Readonly<Record<string, unknown>>;

/** A response as the document has it, or where it is, with a description of its own. */
export interface DescribedResponse {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Readonly<Record<string, DescribedContent>>;
}

/** An answer in one type of content. */
interface DescribedContent {
  readonly schema?: Schema;
  /** Of a page of the history: by table, the event whose fields its rows have. */
  readonly 'x-rows'?: Readonly<Record<string, { readonly $ref: string }>>;
}

interface RawOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly 'x-scope': string;
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

interface OpenApiDocument {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Schema>>>>;
}

/** One operation with where it stands. */
export interface DescribedOperation extends RawOperation {
  readonly path: string;
  /** In capitals. */
  readonly method: string;
}

const METHODS: ReadonlySet<string> = new Set(['get', 'post', 'put', 'patch', 'delete']);

/** What the broker says of itself. */
export const DOCUMENT: OpenApiDocument = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'schemas', 'openapi.json'), 'utf8'));

/** All that is described. */
export const DESCRIBED: readonly DescribedOperation[] = Object.entries(DOCUMENT.paths).flatMap(([path, item]) => {
  const methods = Object.entries(item).filter(([name]) => METHODS.has(name));
  return methods.map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() }));
});

/** The path of the document that a real path is, without its query; undefined: none. The one without a placeholder wins. */
export function templateOf(path: string): string | undefined {
  const [plain = ''] = path.split('?');
  const matches = (template: string): boolean => new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '.+')}$`).test(plain);
  return Object.keys(DOCUMENT.paths).find((template) => template === plain) ?? Object.keys(DOCUMENT.paths).find(matches);
}

/** The codes that a description names. */
export function codesIn({ description = '' }: DescribedResponse): string[] {
  return Array.from(description.matchAll(/`(\w+)`/g), ([, code = '']) => code);
}

/** The codes of errors that any request may get. */
export const ANYWHERE = codesIn(DOCUMENT.components['responses']?.['Error'] ?? {});

/** The statuses that an error of this code may have, unless a consumer's own stands for it. */
export function statusesOf(code: string): number[] {
  return Object.values(ERRORS).filter(({ error }) => error === code).map(({ status }) => status);
}

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, formats: { 'date-time': isTime } });
// What OpenAPI says beside its schemas judges nothing.
ajv.addVocabulary([...Object.keys(DOCUMENT), 'discriminator']);
ajv.addSchema({ $id: 'openapi.json', ...asRecord(closed(DOCUMENT)) }, undefined, undefined, false);

/** What is wrong with a value, by the schema of that name; empty: nothing. A member that is not described is wrong. */
export function faultsBySchema(name: string, value: unknown): string[] {
  return faultsAt(`/components/schemas/${name}`, value);
}

/** What is wrong with an answer, by the description of its route; empty: nothing. */
export function faultsOf(asked: { readonly method: string; readonly path: string }, { status, body }: { readonly status: number; readonly body: string }): string[] {
  const path = templateOf(asked.path) ?? '';
  const operation = DESCRIBED.find((each) => each.path === path && each.method === asked.method);
  const key = operation?.responses[status] === undefined ? 'default' : String(status);
  const response = operation?.responses[key];
  if (response === undefined) return [`${asked.method} ${asked.path} is not described`];
  const place = response.$ref?.slice(1) ?? `/paths/${escaped(path)}/${asked.method.toLowerCase()}/responses/${key}`;
  const value: unknown = JSON.parse(body);
  const faults = codeFaults(codeIn(value), key === 'default' ? ANYWHERE : codesIn(response));
  return hasJson(response) ? [...faults, ...faultsAt(`${place}/content/application~1json/schema`, value)] : faults;
}

/** A consumer's own answer may be anything. */
function hasJson({ $ref = '', content }: DescribedResponse): boolean {
  const { content: shared } = DOCUMENT.components['responses']?.[$ref.split('/').at(-1) ?? ''] ?? {};
  return 'application/json' in asRecord(content ?? shared);
}

function codeFaults(code: string | null, expected: readonly string[]): string[] {
  return code === null || expected.includes(code) ? [] : [`${code} is not among ${expected.join(', ')}`];
}

/** The code of an error in any of its forms; null: it is none. */
function codeIn(value: unknown): string | null {
  const { error, code } = asRecord(value);
  const inner = typeof error === 'object' ? asRecord(error)['code'] : (code ?? error);
  return typeof inner === 'string' ? inner : null;
}

function faultsAt(pointer: string, value: unknown): string[] {
  const validate = ajv.compile({ $ref: `openapi.json#${pointer}` });
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
}

/** The same with every object closed: clients must bear members that they do not know, but each that there is must be described. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]));
  const isObject = members['type'] === 'object' && members['properties'] !== undefined && members['additionalProperties'] === undefined;
  return isObject ? { ...members, additionalProperties: false } : members;
}

function escaped(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text));
}
