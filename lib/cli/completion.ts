/** The shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** An option as the command table has it. */
export interface OptionWords {
  /** With their dashes: `-c`, `--config`. */
  readonly flags: readonly string[];
  readonly about: string;
  readonly takesValue: boolean;
  /** The values that it takes; empty: any. */
  readonly choices: readonly string[];
}

export interface CommandWords {
  readonly name: string;
  readonly about: string;
  readonly options: readonly OptionWords[];
  /** The words that its arguments take; empty: any. */
  readonly choices: readonly string[];
}

/** What there is to complete. */
export interface ProgramWords {
  readonly name: string;
  /** Those of every command. */
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

/** A script that has a shell complete the program's words. */
export function completionScript(shell: Shell, program: ProgramWords): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](program);
}

function bashScript({ name, options, commands }: ProgramWords): string {
  const all = [...options, ...commands.flatMap((command) => command.options)];
  const valued = all.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags);
  const common = flagsOf(options);
  return `# bash completion for ${name}: source <(${name} completion bash)
_${name}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" command= index words=
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      --) return ;;
      ${unique(valued).join('|')}) index=$((index + 1)) ;;
      -*) ;;
      *) command="\${command:-\${COMP_WORDS[index]}}" ;;
    esac
  done
  case "$command $previous" in
${valueCases(commands)}    *' '${unique(valued).join("|*' '")}) return ;;
  esac
  case "$command" in
    '') words="${commands.map((command) => command.name).join(' ')} ${common}" ;;
${commands.map((command) => `    ${command.name}) words="${[...command.choices, flagsOf(command.options), common].join(' ').trim()}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _${name} ${name}
`;
}

/** The options that take one of a few values. */
function valueCases(commands: readonly CommandWords[]): string {
  const cases = commands.flatMap(({ name, options }) =>
    options.filter(({ choices }) => choices.length > 0).map(({ flags, choices }) => {
      return `    ${flags.map((flag) => `'${name} ${flag}'`).join('|')}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word")); return ;;\n`;
    }),
  );
  return cases.join('');
}

function flagsOf(options: readonly OptionWords[]): string {
  return options.flatMap(({ flags }) => flags).join(' ');
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

function zshScript({ name, options, commands }: ProgramWords): string {
  const described = commands.map((command) => `    ${zshQuoted(`${command.name}:${command.about}`)}`).join('\n');
  const cases = commands.map((command) => {
    const argument = command.choices.length === 0 ? [] : [`'1: :(${command.choices.join(' ')})'`];
    return `      ${command.name}) _arguments ${[...command.options, ...options].flatMap(zshOption).concat(argument, "'*: :_default'").join(' ')} ;;`;
  });
  return `#compdef ${name}
# zsh completion for ${name}: source <(${name} completion zsh)
_${name}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
${described}
  )
  _arguments -C ${options.flatMap(zshOption).join(' ')} '1: :->command' '*:: :->words'
  case $state in
    command) _describe -t commands command commands ;;
    words)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}
if [[ \${funcstack[1]} == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function zshOption({ flags, about, takesValue, choices }: OptionWords): string[] {
  const value = !takesValue ? '' : choices.length === 0 ? ':value:_default' : `:value:(${choices.join(' ')})`;
  return flags.map((flag) => zshQuoted(`${flag}[${about.replaceAll(/[[\]:\\]/g, '\\$&')}]${value}`));
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript({ name, options, commands }: ProgramWords): string {
  const lines = commands.flatMap((command) => {
    const when = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const choices = command.choices.length === 0 ? [] : [`complete -c ${name} ${when} -f -a '${command.choices.join(' ')}'`];
    return [
      `complete -c ${name} -n __fish_use_subcommand -f -a ${command.name} -d ${fishQuoted(command.about)}`,
      ...choices,
      ...command.options.map((option) => `complete -c ${name} ${when} ${fishOption(option)}`),
    ];
  });
  return `# fish completion for ${name}: ${name} completion fish | source\n${[...options.map((option) => `complete -c ${name} ${fishOption(option)}`), ...lines].join('\n')}\n`;
}

function fishOption({ flags, about, takesValue, choices }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  const value = !takesValue ? '' : choices.length === 0 ? ' -r' : ` -x -a '${choices.join(' ')}'`;
  return `${names}${value} -d ${fishQuoted(about)}`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
