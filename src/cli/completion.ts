import { COMPAT_NAMES } from './compat.js';
import { complete } from './completion/complete.js';

const USAGE = `usage: weft completion bash
Prints what bash needs to complete command lines of weft and, under the names of Open vSwitch's programs, of these: commands, options, and the names of
bridges and ports that the running switch has. For this shell: source <(weft completion bash). For all: put it into a file of
/etc/bash_completion.d.
`;

/**
 * Bash takes ":" and "=" for ends of words; weft is given the words as they are on the line. What stands before the last of these in the word that is
 * begun is on the line already, so it is taken off the answers.
 */
const script = (): string => `# bash completion of weft
_weft_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words begun kept
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  begun=\${words[\${#words[@]} - 1]}
  kept=\${begun%"\${begun##*[=:]}"}
  local IFS=$'\\n'
  COMPREPLY=($(weft completion words "\${words[@]}" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]#"$kept"}")
  if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _weft_complete weft ${COMPAT_NAMES.join(' ')}
`;

export async function main(args: readonly string[]): Promise<number> {
  const [what, ...words] = args;
  if (what === 'words') {
    for (const word of await complete(words)) process.stdout.write(`${word}\n`);
    return 0;
  }
  const known = what === 'bash' || what === '--help' || what === '-h';
  (known ? process.stdout : process.stderr).write(what === 'bash' ? script() : USAGE);
  return known ? 0 : 1;
}
