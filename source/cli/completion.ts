// dmascope completion: scripts for bash, zsh and fish, made from one table.

import {unknownWord} from '../did-you-mean.js';
import type {Print} from '../text/print.js';
import {UserError} from '../user-error.js';
import type {CliCommand} from './command.js';
import {type CompletionTable, completionTable, type FlagRow, type Values} from './completion-table.js';
import {SHELLS} from './flags.js';

/** @returns the exit code @throws UserError */
export function completion(
	[word = '', other]: readonly string[],
	commands: readonly CliCommand[],
	out: Print,
): number {
	if (other !== undefined) throw new UserError(`completion takes one shell; leave out "${other}".`);
	const shell = SHELLS.find(known => known === word);
	if (shell === undefined) throw new UserError(unknownWord('shell', word, SHELLS));
	out(SCRIPTS[shell](completionTable(commands)));
	return 0;
}

type Named = {readonly name: string};
const dashed = ({name}: Named): string => `--${name}`;
const named = <Row extends Named>(rows: readonly Row[]): Row[] => rows.filter(({name}) => name !== '');

/** As bash and zsh quote a word. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash({commands, valued}: CompletionTable): string[] {
	const answer = ({words, files}: Values) => `words=${quoted(words.join(' '))}${files ? ' files=1' : ''}`;
	return [
		'# bash completion for dmascope',
		'_dmascope() {',
		// biome-ignore-start lint/suspicious/noTemplateCurlyInString: they are bash's
		'  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= words= files= i',
		'  # The command is the first word that is neither an option nor the value of one.',
		'  for ((i = 1; i < COMP_CWORD; i++)); do',
		'    case ${COMP_WORDS[i]} in',
		`      ${valued.map(dashed).join('|')}) [[ \${COMP_WORDS[i+1]} == = ]] && ((i++)); ((i++)) ;;`,
		'      -*) ;;',
		'      *) command=${COMP_WORDS[i]}; break ;;',
		'    esac',
		'  done',
		'  # bash gives --option=value as three words.',
		'  if [[ $current == = ]]; then current=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi',
		// biome-ignore-end lint/suspicious/noTemplateCurlyInString: they are bash's
		'  case $before in',
		...valued.map(flag => `    ${dashed(flag)}) ${answer(flag.values)} ;;`),
		'    *)',
		'      case $command:$current in',
		...commands.map(({name, flags}) => `        ${name}:-*) words=${quoted(flags.map(dashed).join(' '))} ;;`),
		`        :*) ${answer({
			words: named(commands).map(({name}) => name),
			files: false,
		})} ;;`,
		...named(commands).map(({name, values}) => `        ${name}:*) ${answer(values)} ;;`),
		'      esac ;;',
		'  esac',
		'  COMPREPLY=($(compgen -W "$words" -- "$current"))',
		'  if [[ $files ]]; then',
		'    compopt -o filenames 2>/dev/null',
		"    local IFS=$'\\n'",
		'    COMPREPLY+=($(compgen -f -- "$current"))',
		'  fi',
		'}',
		'complete -F _dmascope dmascope',
	];
}

function zsh({commands}: CompletionTable): string[] {
	const action = ({words, files}: Values) => {
		const list = words.join(' ');
		return !files ? `(${list})` : words.length > 0 ? ` _dmascope_or_file ${list}` : '_files';
	};
	/** Text inside a specification of _arguments. */
	const inside = (text: string) => text.replace(/[\\[\]:]/g, sign => `\\${sign}`);
	const spec = ({name, about, many, values}: FlagRow) => {
		const value = values === undefined ? '' : `:value:${action(values)}`;
		return `    ${quoted(`${many ? '*' : ''}--${name}${values ? '=' : ''}[${inside(about)}]${value}`)}`;
	};
	const options = (flags: readonly FlagRow[]) => flags.map(flag => `${spec(flag)} \\`);
	const general = commands.find(({name}) => name === '');
	return [
		'#compdef dmascope',
		'_dmascope_or_file() {',
		'  _alternative "words:word:($*)" "files:file:_files"',
		'}',
		'_dmascope() {',
		'  local curcontext=$curcontext state line',
		'  typeset -A opt_args',
		'  local -a commands',
		'  commands=(',
		...named(commands).map(({name, about}) => `    ${quoted(`${name}:${about.replaceAll(':', '\\:')}`)}`),
		'  )',
		'  _arguments -C \\',
		...options(general?.flags ?? []),
		"    '1:command:->command' \\",
		"    '*::word:->rest' && return",
		'  if [[ $state == command ]]; then',
		'    _describe command commands',
		'    return',
		'  fi',
		'  case $words[1] in',
		...named(commands).flatMap(({name, flags, values}) => [
			`  ${name}) _arguments \\`,
			...options(flags),
			values.words.length > 0 || values.files ? `    ${quoted(`*:word:${action(values)}`)} ;;` : '    ;;',
		]),
		'  esac',
		'}',
		'# In a folder of $fpath it is the function itself; else it is sourced.',
		'if [[ $funcstack[1] == _dmascope ]]; then _dmascope "$@"; else compdef _dmascope dmascope; fi',
	];
}

function fish({commands, valued}: CompletionTable): string[] {
	const text = (words: string) => `'${words.replace(/[\\']/g, '\\$&')}'`;
	const values = ({words, files}: Values) =>
		[words.length > 0 ? `-a ${text(words.join(' '))}` : '', files ? '-F' : ''].filter(Boolean).join(' ');
	return [
		'# fish completion for dmascope',
		'function __dmascope_command',
		'    set -l skip 0',
		'    for word in (commandline -opc)[2..-1]',
		'        if test $skip = 1',
		'            set skip 0',
		'            continue',
		'        end',
		'        switch $word',
		`            case ${valued.map(dashed).join(' ')}`,
		'                set skip 1',
		"            case '-*'",
		"            case '*'",
		'                echo $word',
		'                return',
		'        end',
		'    end',
		'end',
		'function __dmascope_is',
		'    set -l command (__dmascope_command)',
		'    test "$command" = "$argv[1]"',
		'end',
		'complete -c dmascope -f',
		...commands.flatMap(command => {
			const where = `complete -c dmascope -n ${text(`__dmascope_is ${text(command.name)}`)}`;
			const words = values(command.values);
			return [
				...command.flags.map(flag => {
					const value = flag.values
						? ` ${flag.values.files ? '-r' : '-x'} ${values(flag.values)}`.trimEnd()
						: '';
					return `${where} -l ${flag.name}${value} -d ${text(flag.about)}`;
				}),
				...(words === '' ? [] : [`${where} ${words}`]),
			];
		}),
		...named(commands).map(
			({name, about}) => `complete -c dmascope -n ${text("__dmascope_is ''")} -a ${name} -d ${text(about)}`,
		),
	];
}

const SCRIPTS = {bash, zsh, fish};
