import type { Model } from './ollama-models.ts';
import type { Runner } from './ollama-runner.ts';

const BYTES_PER_MIB = 1024 * 1024;
const LONG_MS = 100 * 365 * 24 * 3_600_000;
const PULLED_AT = '2026-01-01T00:00:00Z';

/** As `/api/tags` lists a model. */
export function asListed(model: Model): Record<string, unknown> {
  return { ...identityOf(model), modified_at: PULLED_AT };
}

/** As `/api/ps` lists a loaded model. */
export function asLoaded({ model, options, expiresAt }: Runner): Record<string, unknown> {
  // The real one writes a date far away for "never"; JavaScript's last one ends in the year 275760.
  const expires = new Date(Math.min(expiresAt, Date.now() + LONG_MS));
  return { ...identityOf(model), expires_at: expires.toISOString(), size_vram: model.mib * BYTES_PER_MIB, context_length: options.contextLength };
}

/** As Ollama 0.5.7 lists a model in `/api/ps` while it loads. */
export function asLoading(model: Model): Record<string, unknown> {
  return { ...identityOf(model), expires_at: '0001-01-01T00:00:00Z', size_vram: 0 };
}

/** As `/api/show` describes a model. */
export function asShown(model: Model): Record<string, unknown> {
  const { family } = detailsOf(model);
  const info = { 'general.architecture': family, [`${family}.context_length`]: 131_072, [`${family}.embedding_length`]: 3072 };
  return {
    license: '',
    modelfile: `FROM ${model.name}\n`,
    parameters: '',
    template: '{{ .Prompt }}',
    details: detailsOf(model),
    model_info: info,
    capabilities: ['completion', 'embedding'],
    modified_at: PULLED_AT,
  };
}

function identityOf(model: Model): Record<string, unknown> {
  const digest = Buffer.from(model.name).toString('hex').padEnd(64, '0');
  return { name: model.name, model: model.name, size: model.mib * BYTES_PER_MIB, digest, details: detailsOf(model) };
}

function detailsOf({ name, parameters }: Model) {
  const [family = name] = name.split(/[\d.:]/);
  return { parent_model: '', format: 'gguf', family, families: [family], parameter_size: parameters, quantization_level: 'Q4_K_M' };
}
