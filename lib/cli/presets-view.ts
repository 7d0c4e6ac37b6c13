import type { Preset, PresetVariable } from '../config/presets.ts';
import { dumpYaml } from '../config/yaml.ts';
import type { PresetSummary } from './presets-summary.ts';
import { table, type Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { heading: 'PRESET' },
  { heading: 'SERVER', optional: true },
  { heading: 'PORT', align: 'right' },
  { heading: 'UNLOAD' },
  { heading: 'RUNNING WORK' },
  { heading: 'BUSY' },
  { heading: 'APIS', optional: true },
];
/** The file, its consumers and the settings of one are blocks; a setting stands on one line. */
const BLOCKS = 3;
/** Only a list of paths is longer; it goes on in the next lines. */
const LIST = '    gpu_paths: ';
const PATHS_IN_A_LINE = /.{1,130}(?:, |$)/g;

/** All presets as a table. Ends with a newline. */
export function renderPresets(summaries: readonly PresetSummary[], width: number | null): string {
  const rows = summaries.map(({ name, title, port, unload, running_work: work, busy, apis }) =>
    [name, title, String(port), unload, work, busy, apis].map((text) => ({ text: text ?? '-' })),
  );
  return `${table(COLUMNS, rows, width).join('\n')}\n`;
}

/** One preset as a configuration whose comments say what people should know. Ends with a newline. */
export function renderPreset(preset: Preset): string {
  const comments = [
    `${preset.title}: ${preset.server}`,
    ...list('It needs:', preset.needs),
    ...list('What the preset cannot do:', preset.limits),
    ...list('Variables, given as `variables:` beside `preset:`', preset.variables.map(variableLine)),
    '',
    `\`preset: ${preset.name}\` fills this in. What is written beside it wins.${hint(preset.variables)}`,
  ];
  return `${comments.map((line) => `# ${line}`.trimEnd()).join('\n')}\n${renderSettings(preset)}`;
}

/** A preset's settings as they would stand in a configuration, under a consumer of the preset's name. */
export function renderSettings({ name, settings }: Preset): string {
  const lines = dumpYaml({ consumers: { [name]: settings } }, BLOCKS).split('\n');
  return lines.map((line) => (line.startsWith(LIST) ? foldedList(line) : line)).join('\n');
}

/** In brackets YAML may break a line after any comma; no path has one with a space behind it. */
function foldedList(line: string): string {
  return Array.from(line.matchAll(PATHS_IN_A_LINE), ([part]) => part.trimEnd()).join('\n      ');
}

function list(heading: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', heading, ...items.map((item) => `- ${item}`)];
}

function variableLine({ name, about, default: fallback }: PresetVariable): string {
  return `${name}: ${about}${fallback === null ? '' : ` Default: ${JSON.stringify(fallback)}.`}`;
}

function hint(variables: readonly PresetVariable[]): string {
  if (variables.length === 0) return '';
  const names = variables.map(({ name }) => `{${name}}`).join(' and ');
  return ` Where you paste it instead, write a value in place of ${names}.`;
}
