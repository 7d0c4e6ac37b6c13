/** A metric as an expression uses it, with the labels that it filters by. */
export interface UsedMetric {
  readonly name: string;
  readonly labels: readonly string[];
}

/** What is used of metrics in an expression in PromQL. */
export interface UsedInExpression {
  readonly metrics: readonly UsedMetric[];
  /** By which results are grouped or joined. */
  readonly grouped: readonly string[];
}

const names = (list: string): string[] => list.split(',').map((name) => name.trim()).filter((name) => name !== '');

/** Finds them without a parser: metrics of ours and of the process begin with words that nothing else begins with. */
export function usedIn(expression: string): UsedInExpression {
  const found = [...expression.matchAll(/\b((?:mgpu|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
  const metrics = found.map(([, name = '', filters = '']) => ({ name, labels: [...filters.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label) }));
  const grouped = [...expression.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => names(list));
  return { metrics, grouped };
}

/** The labels that a text fills in: `{{consumer}}`, `{{ $labels.consumer }}`. */
export function labelsIn(text: string): string[] {
  return [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label);
}
