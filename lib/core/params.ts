/** Why a request cannot be translated, as a sentence for the client. */
export type ParamFault =
  | { readonly type: 'bad'; readonly message: string }
  | { readonly type: 'unsupported'; readonly message: string; readonly parameters: readonly string[] };

/** What is wrong with one value; null: nothing. `what`: what would be right, or is there instead. */
export type Verdict = { readonly type: 'bad' | 'unsupported'; readonly what: string } | null;

/** Judges one value; undefined: the parameter is missing. */
export type Rule = (value: unknown) => Verdict;

/** Names and values of a request's parameters. */
export type Params = Readonly<Record<string, unknown>>;

const NO_RULE: Rule = () => ({ type: 'unsupported', what: '' });
/** A name of the client's goes into a message as it is if it is one of these. */
const PLAIN_NAME = /^[\w.[\]-]{1,64}$/;

/** Everything that is wrong with a request; null: nothing. A parameter that is null is as good as missing, one without a rule is not supported. */
export function checkParams(params: Params, rules: Readonly<Record<string, Rule>>): ParamFault | null {
  const names = new Set([...Object.keys(rules), ...Object.keys(params)]);
  const found = [...names].flatMap((name) => {
    const rule = Object.hasOwn(rules, name) ? (rules[name] ?? NO_RULE) : NO_RULE;
    const verdict = rule(valueOf(params, name));
    return verdict === null ? [] : [{ name, ...verdict }];
  });
  const unsupported = found.filter(({ type }) => type === 'unsupported');
  if (unsupported.length > 0) return unsupportedFault(unsupported, Object.keys(rules));
  return found.length === 0 ? null : { type: 'bad', message: found.map(({ name, what }) => `${name}: expected ${what}`).join('; ') };
}

function unsupportedFault(found: readonly { readonly name: string; readonly what: string }[], known: readonly string[]): ParamFault {
  const list = found.map(({ name, what }) => (what === '' ? shown(name) : `${shown(name)} (${what})`)).join(', ');
  return {
    type: 'unsupported',
    message: `not supported here: ${list}; the parameters that there are: ${known.join(', ')}`,
    parameters: found.map(({ name }) => name),
  };
}

function shown(name: string): string {
  return PLAIN_NAME.test(name) ? name : JSON.stringify(name.slice(0, 64));
}

/** The value of a parameter; undefined: it is missing, or null. */
export function valueOf(params: Params, name: string): unknown {
  return Object.hasOwn(params, name) ? (params[name] ?? undefined) : undefined;
}

/** A parameter's text; null: it is missing, or no text. */
export function textOf(params: Params, name: string): string | null {
  const value = valueOf(params, name);
  return typeof value === 'string' ? value : null;
}

/** Whatever it says, nothing comes of it. */
export const anything: Rule = () => null;

/** A text that is not empty. */
export const someText: Rule = (value) => (typeof value === 'string' && value !== '' ? null : { type: 'bad', what: 'a text' });

/** Only these values; `what` says so. */
export function only(values: readonly unknown[], what: string): Rule {
  return (value) => (value === undefined || values.includes(value) ? null : { type: 'unsupported', what });
}

/** A whole number within bounds. */
export function whole(min: number, max: number, what = `a whole number from ${min} to ${max}`): Rule {
  return (value) => (value === undefined || (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) ? null : { type: 'bad', what });
}
