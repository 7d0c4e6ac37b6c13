import { describe, expect, test } from '@jest/globals';
import { configOf, problemLines } from './support.ts';

const CONSUMERS = 'consumers:\n  a: { url: "http://h:1" }\n  b: { url: "http://h:2" }\n';

/** The table of the models of a file. */
function tableOf(models: string) {
  return configOf(`${CONSUMERS}models: ${models}\n`).models;
}

describe('the table of models', () => {
  test('is empty where none are configured', () => {
    const { names, prefixes } = configOf(CONSUMERS).models;
    expect([names.size, prefixes]).toEqual([0, []]);
  });

  test('has a model with all defaults', () => {
    expect(tableOf('{ m: { consumer: a } }').names.get('m')).toEqual({
      name: 'm',
      consumer: 'a',
      useModelName: null,
      strip: [],
      set: {},
      pathStyle: null,
      voices: [],
    });
  });

  test('has all that a model says', () => {
    const model = '{ consumer: b, use_model_name: q, strip_params: [user], set_params: { temperature: 0, stop: [x] }, path_style: mvoice, voices: [anna] }';
    expect(tableOf(`{ m: ${model} }`).names.get('m')).toEqual({
      name: 'm',
      consumer: 'b',
      useModelName: 'q',
      strip: ['user'],
      set: { temperature: 0, stop: ['x'] },
      pathStyle: 'mvoice',
      voices: ['anna'],
    });
  });

  test('has a model under its name and under each alias, in the order of the file', () => {
    const { names } = tableOf('{ m: { consumer: a, aliases: [n, o] }, k: { consumer: b } }');
    expect([...names].map(([each, { name, consumer }]) => [each, name, consumer])).toEqual([
      ['m', 'm', 'a'],
      ['n', 'm', 'a'],
      ['o', 'm', 'a'],
      ['k', 'k', 'b'],
    ]);
  });

  test('has names and aliases that end with * apart, the longest first and without it', () => {
    const { names, prefixes } = tableOf('{ "*": { consumer: a }, "gpt-*": { consumer: a }, m: { consumer: b, aliases: ["gpt-4-*", "o*"] } }');
    expect([...names.keys()]).toEqual(['m']);
    expect(prefixes.map(({ prefix, route }) => [prefix, route.name])).toEqual([
      ['gpt-4-', 'm'],
      ['gpt-', 'gpt-*'],
      ['o', 'm'],
      ['', '*'],
    ]);
  });

  test.each(['__proto__', 'constructor', 'a/b:c', 'naïve-模型'])('may have the name %j', (name) => {
    expect(tableOf(`{ ${JSON.stringify(name)}: { consumer: a } }`).names.get(name)?.name).toBe(name);
  });

  test('cannot be changed', () => {
    const { names } = tableOf('{ m: { consumer: a, set_params: { x: [1] } } }');
    const unsafe: unknown = names;
    if (!(unsafe instanceof Map)) throw new Error('expected a Map');
    expect(() => unsafe.clear()).toThrow('cannot be changed');
    expect([names.get('m'), names.get('m')?.set, names.get('m')?.set['x']].every((each) => Object.isFrozen(each))).toBe(true);
  });
});

const NAME = 'expected a model name of up to 256 characters without spaces, with * only at its end';
const STAR = 'expected a name without *, which stands for what follows a name or alias that ends with *';
const KEYS = 'expected one of the keys consumer, aliases, use_model_name, strip_params, set_params, path_style, voices';

describe('a single fault of the models', () => {
  test.each([
    ['[m]', 'c.yaml:4:9: models: expected a mapping, got a list'],
    ['{ m: a }', 'c.yaml:4:14: models.m: expected a mapping, got "a"'],
    ['{ m: {} }', 'c.yaml:4:11: models.m.consumer: expected this required key, got none'],
    ['{ m: { consumer: bb } }', 'c.yaml:4:26: models.m.consumer: expected the name of a consumer (a, b), got "bb" (did you mean "b"?)'],
    ['{ org/m: { consumer: nobody } }', 'c.yaml:4:30: models["org/m"].consumer: expected the name of a consumer (a, b), got "nobody"'],
    ['{ m: { consumer: a, aliasse: [n] } }', `c.yaml:4:29: models.m.aliasse: ${KEYS}, got "aliasse" (did you mean "aliases"?)`],
    ['{ m: { consumer: a }, m: { consumer: b } }', 'c.yaml:4:31: models.m: expected each key once, got "m" again'],
    ['{ "a b": { consumer: a } }', `c.yaml:4:11: models["a b"]: ${NAME}, got "a b"`],
    ['{ "a*b": { consumer: a } }', `c.yaml:4:11: models["a*b"]: ${NAME}, got "a*b"`],
    ['{ m: { consumer: a, aliases: ["**"] } }', `c.yaml:4:39: models.m.aliases[0]: ${NAME}, got "**"`],
    ['{ m: { consumer: a, use_model_name: "" } }', 'c.yaml:4:45: models.m.use_model_name: expected a text that is not empty, got ""'],
    ['{ m: { consumer: a, path_style: open-ai } }', 'c.yaml:4:41: models.m.path_style: expected one of openai, mvoice, whisper.cpp, comfyui, got "open-ai" (did you mean "openai"?)'],
    ['{ m: { consumer: a, set_params: { x: .inf } } }', 'c.yaml:4:46: models.m.set_params.x: expected a finite number, got Infinity'],
    ['{ m: { consumer: a, strip_params: [x, x] } }', 'c.yaml:4:47: models.m.strip_params[1]: expected each entry once, got "x"'],
  ])('%s', (models, line) => {
    expect(problemLines(`${CONSUMERS}models: ${models}`)).toEqual([line]);
  });

  test.each(['strip_params: [model]', 'set_params: { model: x }'])('%s: the model has a setting of its own', (setting) => {
    expect(problemLines(`${CONSUMERS}models: { m: { consumer: a, ${setting} } }`)).toEqual([expect.stringMatching(/^c\.yaml:4:\d+: models\.m\.(strip|set)_params/)]);
  });
});

describe('a name that two models claim is a fault', () => {
  const ONCE = 'expected a name that no other model has';

  test.each([
    ['of an alias that is the name of a later model', '{ m: { consumer: a, aliases: [n] }, n: { consumer: b } }', `c.yaml:4:39: models.m.aliases[0]: ${ONCE}, got the name of a model`],
    ['of an alias that is the name of an earlier model', '{ n: { consumer: b }, m: { consumer: a, aliases: [x, n] } }', `c.yaml:4:62: models.m.aliases[1]: ${ONCE}, got the name of a model`],
    ['of an alias that is its own name', '{ m: { consumer: a, aliases: [m] } }', `c.yaml:4:39: models.m.aliases[0]: ${ONCE}, got the name of a model`],
    ['of the second of two equal aliases', '{ m: { consumer: a, aliases: [x] }, n: { consumer: b, aliases: [y, x] } }', `c.yaml:4:76: models.n.aliases[1]: ${ONCE}, got an alias of "m" too`],
    ['of the second of two equal beginnings', '{ m: { consumer: a, aliases: ["x*"] }, n: { consumer: b, aliases: ["x*"] } }', `c.yaml:4:76: models.n.aliases[0]: ${ONCE}, got an alias of "m" too`],
  ])('%s', (_name, models, line) => {
    expect(problemLines(`${CONSUMERS}models: ${models}`)).toEqual([line]);
  });

  test('told once where one model has an alias twice', () => {
    expect(problemLines(`${CONSUMERS}models: { m: { consumer: a, aliases: [n, n] } }`)).toEqual(['c.yaml:4:42: models.m.aliases[1]: expected each entry once, got "n"']);
  });

  test('unless one is a beginning of the other', () => {
    expect(problemLines(`${CONSUMERS}models: { m: { consumer: a, aliases: ["m*", "m-*"] }, "mm*": { consumer: b } }`)).toEqual([]);
  });
});

describe('a * in use_model_name', () => {
  test.each([
    ['{ m: { consumer: a, use_model_name: "q*" } }', [`c.yaml:4:45: models.m.use_model_name: ${STAR}, got "q*"`]],
    ['{ m: { consumer: a, aliases: ["m-*"], use_model_name: "q*" } }', [`c.yaml:4:63: models.m.use_model_name: ${STAR}, got "q*"`]],
    ['{ "m*": { consumer: a, aliases: [x], use_model_name: "q*" } }', [`c.yaml:4:62: models["m*"].use_model_name: ${STAR}, got "q*"`]],
    ['{ "m*": { consumer: a, aliases: ["x*"], use_model_name: "q*" } }', []],
    ['{ "m*": { consumer: a, use_model_name: "*" } }', []],
    ['{ "m*": { consumer: a, use_model_name: "q" } }', []],
  ])('%s: it stands for something only if all names have one', (models, lines) => {
    expect(problemLines(`${CONSUMERS}models: ${models}`)).toEqual(lines);
  });
});
