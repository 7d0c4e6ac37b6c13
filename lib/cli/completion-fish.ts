import type { OptionWords, ProgramWords, ValueWords } from './completion.ts';

/** The script for fish. */
export function fishScript({ name, options, commands }: ProgramWords): string {
  const complete = `complete -c ${name}`;
  const valued = options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags);
  const lines = commands.flatMap((command) => {
    const when = `-n '__${name}_in ${command.name}'`;
    const words = wordsOf(command, name);
    return [
      `${complete} -n '__${name}_in ""' -f -a ${command.name} -d ${quoted(command.about)}`,
      ...(words === '' ? [] : [`${complete} ${when} -a ${quoted(words)}`]),
      ...command.options.map((option) => `${complete} ${when} ${fishOption(option, name)}`),
    ];
  });
  return `# fish completion for ${name}: ${name} completion fish | source
# Whether the command of the line is this one; '': there is none yet.
function __${name}_in
  set -l command ''
  set -l before ''
  for word in (commandline -opc)[2..-1]
    if not string match -q -- '-*' $word; and not contains -- $before ${valued.join(' ')}
      set command $word
      break
    end
    set before $word
  end
  test "$command" = "$argv[1]"
end
# The options that say which daemon is meant.
function __${name}_names
  set -l address
  set -l typed (commandline -opc)
  for flag in --url --key-file
    if set -l at (contains -i -- $flag $typed)
      set -a address $flag $typed[(math $at + 1)]
    end
  end
  ${name} $address names $argv[1] 2>/dev/null
end
${complete} -n 'not __${name}_in with-lease' -f
${[...options.map((option) => `${complete} ${fishOption(option, name)}`), ...lines].join('\n')}
`;
}

function fishOption({ flags, about, takesValue, ...words }: OptionWords, program: string): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  const known = wordsOf(words, program);
  const value = !takesValue ? '' : known === '' ? ' -r -F' : ` -x -a ${quoted(known)}`;
  return `${names}${value} -d ${quoted(about)}`;
}

/** Empty: anything. */
function wordsOf({ choices, live }: ValueWords, program: string): string {
  return live === null ? choices.join(' ') : `(__${program}_names ${live})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
