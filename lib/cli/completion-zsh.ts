import type { OptionWords, ProgramWords, ValueWords } from './completion.ts';

/** The script for zsh. */
export function zshScript({ name, options, commands }: ProgramWords): string {
  const optionsOf = (each: readonly OptionWords[]): string[] => each.flatMap((option) => zshOption(option, name));
  const described = commands.map((command) => `    ${quoted(`${command.name}:${command.about}`)}`).join('\n');
  const cases = commands.map((command) => {
    const known = command.choices.length > 0 || command.live !== null;
    const argument = known ? [quoted(`${command.live === null ? '1' : '*'}: :${actionOf(command, name)}`)] : [];
    const rest = command.live === null ? ["'*: :_default'"] : [];
    return `      ${command.name}) _arguments ${[...optionsOf([...command.options, ...options]), ...argument, ...rest].join(' ')} ;;`;
  });
  return `#compdef ${name}
# zsh completion for ${name}: source <(${name} completion zsh)
_${name}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands address
  commands=(
${described}
  )
  _arguments -C ${optionsOf(options).join(' ')} '1: :->command' '*:: :->words'
  case $state in
    command) _describe -t commands command commands ;;
    words)
      for flag in --url --key-file; do
        if [[ -n \${opt_args[$flag]} ]]; then address+=($flag "\${opt_args[$flag]//\\\\:/:}"); fi
      done
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}
if [[ \${funcstack[1]} == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function zshOption({ flags, about, takesValue, ...words }: OptionWords, program: string): string[] {
  const value = takesValue ? `:value:${actionOf(words, program)}` : '';
  return flags.map((flag) => quoted(`${flag}[${about.replaceAll(/[[\]:\\]/g, '\\$&')}]${value}`));
}

/** What zsh does to find a value. */
function actionOf({ choices, live }: ValueWords, program: string): string {
  if (live !== null) return `{compadd -- $(${program} "\${address[@]}" names ${live} 2>/dev/null)}`;
  return choices.length === 0 ? '_default' : `(${choices.join(' ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
