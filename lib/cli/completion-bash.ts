import type { CommandWords, OptionWords, ProgramWords, ValueWords } from './completion.ts';

/** The script for bash. */
export function bashScript({ name, options, commands }: ProgramWords): string {
  const all = [...options, ...commands.flatMap((command) => command.options)];
  const valued = [...new Set(all.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags))];
  return `# bash completion for ${name}: source <(${name} completion bash)
_${name}() {
  local command= index words= flags word previous
  local -a typed address=()
  # COMP_WORDS is cut at colons, too, of which URLs have some.
  IFS=$' \\t' read -r -a typed <<< "\${COMP_LINE:0:COMP_POINT}_"
  index=$((\${#typed[@]} - 1)) word="\${typed[index]%_}" previous="\${typed[index - 1]}"
  for ((index = 1; index < \${#typed[@]} - 1; index++)); do
    case "\${typed[index]}" in
      --) return ;;
      --url|--key-file) address+=("\${typed[index]}" "\${typed[index + 1]}"); index=$((index + 1)) ;;
      ${valued.join('|')}) index=$((index + 1)) ;;
      -*) ;;
      *) command="\${command:-\${typed[index]}}" ;;
    esac
  done
  case "$command $previous" in
${valueCases(commands, name)}    *' '${valued.join("|*' '")}) return ;;
  esac
  flags="${flagsOf(options)}"
  case "$command" in
    '') words="${commands.map((command) => command.name).join(' ')}" ;;
${commands.map((command) => `    ${command.name}) flags="${flagsOf([...command.options, ...options])}"${argumentWords(command, name)} ;;`).join('\n')}
  esac
  if [[ $word == -* || -z $words ]]; then words="$flags"; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _${name} ${name}
`;
}

/** The options that take one of a few values. */
function valueCases(commands: readonly CommandWords[], program: string): string {
  const cases = commands.flatMap(({ name, options }) =>
    options.filter(isKnown).map((option) => {
      const pattern = option.flags.map((flag) => `'${name} ${flag}'`).join('|');
      return `    ${pattern}) COMPREPLY=($(compgen -W "${wordsOf(option, program)}" -- "$word")); return ;;\n`;
    }),
  );
  return cases.join('');
}

function argumentWords(command: CommandWords, program: string): string {
  return isKnown(command) ? ` words="${wordsOf(command, program)}"` : '';
}

function isKnown({ choices, live }: ValueWords): boolean {
  return choices.length > 0 || live !== null;
}

function wordsOf({ choices, live }: ValueWords, program: string): string {
  return live === null ? choices.join(' ') : `$(${program} "\${address[@]}" names ${live} 2>/dev/null)`;
}

function flagsOf(options: readonly OptionWords[]): string {
  return options.flatMap(({ flags }) => flags).join(' ');
}
