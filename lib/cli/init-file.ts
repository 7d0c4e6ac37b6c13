import type { Preset } from '../config/presets.ts';
import { itemsOf, memberOf } from '../config/tree.ts';
import { KINDS, type Kind } from '../config/types.ts';
import type { FoundServer } from './find-servers.ts';

/** A server with the name that it gets in the configuration. */
export interface NamedServer extends FoundServer {
  readonly name: string;
}

/** A name for each: its preset's, with a number from the second of a kind on. */
export function named(servers: readonly FoundServer[]): NamedServer[] {
  const used = new Map<string, number>();
  return servers.map((server) => {
    const base = server.preset.name.replaceAll('.', '-');
    const count = (used.get(base) ?? 0) + 1;
    used.set(base, count);
    return { ...server, name: count === 1 ? base : `${base}-${count}` };
  });
}

/** Who answers for which kind: the first that can. */
export function routingOf(servers: readonly NamedServer[]): ReadonlyMap<Kind, string> {
  return new Map(
    KINDS.flatMap((kind): [Kind, string][] => {
      const server = servers.find(({ preset }) => memberOf(memberOf(preset.settings, 'paths'), kind) !== undefined);
      return server === undefined ? [] : [[kind, server.name]];
    }),
  );
}

/** The text of a configuration for these servers, with comments. `schema`: where the schema is, as seen from the file. */
export function configText(servers: readonly NamedServer[], schema: string): string {
  const routing = [...routingOf(servers)].map(([kind, name]) => `${kind}: ${name}`).join(', ');
  const chat = servers.find(({ preset }) => takesChat(preset));
  const audio = servers.find(({ preset }) => preset.name === 'mvoice');
  return [
    `# yaml-language-server: $schema=${schema}`,
    '#',
    '# Configuration of mGPUmanager. docs/configuration.md explains every key; `mgpumanager check` says what is wrong,',
    '# and `mgpumanager doctor` whether it works. SIGHUP reloads this file.',
    '',
    '# Programs on this machine only. For others: `listen: 0.0.0.0:8770` and who may come in (docs/security.md).',
    'listen: 127.0.0.1:8770',
    'access: { allow: [loopback] }',
    '',
    '# Which consumer answers POST /v1/tts, /v1/stt, /v1/llm and /v1/image.',
    `routing: { ${routing} }`,
    ...(audio === undefined ? [] : ['', '# Which consumer answers GET /audio/*.', `audio_proxy: ${audio.name}`]),
    ...(chat === undefined ? [] : ['', '# Which consumer serves which model at the OpenAI and Anthropic paths.', 'models:', `  "*": { consumer: ${chat.name} }`]),
    '',
    'consumers:',
    ...servers.flatMap((server, index) => [...(index === 0 ? [] : ['']), ...consumerLines(server)]),
    '',
  ].join('\n');
}

/** OpenAI's chat goes to it as it is. */
function takesChat({ settings }: Preset): boolean {
  return itemsOf(memberOf(settings, 'gpu_paths')).includes('POST /v1/chat/completions');
}

function consumerLines({ name, url, preset }: NamedServer): string[] {
  const { title, needs, variables, settings } = preset;
  const hasUnload = memberOf(settings, 'unload') !== undefined;
  return [
    `  # ${title}`,
    ...needs.map((need) => `  # It needs: ${need}`),
    `  ${name}:`,
    `    preset: ${preset.name}`,
    `    url: ${url}`,
    '    # vram_resident_mib: 6000     # what it needs when it is loaded; left out, the largest measured counts',
    ...(hasUnload ? [] : ['    # systemd_unit: NAME.service  # it has no call that unloads it: load and unload start and stop this user unit']),
    ...(variables.length === 0 ? [] : ['    # variables:', ...variables.map(({ name: variable, about }) => `    #   ${variable}: …   # ${about}`)]),
  ];
}
