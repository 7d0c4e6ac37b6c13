/** A header's value of the form `value; name=value; name="value"`. */
export interface ParametrizedValue {
  /** In lower case. */
  readonly value: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/y;
const END = /\s*;?\s*$/y;

/** Takes such a value apart; null: it is not of that form, or has a parameter twice, of which readers take different ones. */
export function parametrized(text: string): ParametrizedValue | null {
  const [value = ''] = /^[^;]*/.exec(text) ?? [];
  const parameters = new Map<string, string>();
  let at = value.length;
  for (let match = matchAt(PARAMETER, text, at); match !== null; match = matchAt(PARAMETER, text, at)) {
    const [whole, name = '', quoted, plain = ''] = match;
    const key = name.toLowerCase();
    if (parameters.has(key)) return null;
    parameters.set(key, quoted === undefined ? plain : unquoted(quoted));
    at += whole.length;
  }
  return matchAt(END, text, at) === null ? null : { value: value.trim().toLowerCase(), parameters };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Only quotes and backslashes are escaped by a backslash, as Go's and Python's readers have it: browsers send a lone one as it is. */
function unquoted(text: string): string {
  return text.replaceAll(/\\(["\\])/g, '$1');
}
