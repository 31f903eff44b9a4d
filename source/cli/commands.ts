// Every command of the command line: what it is called, what it takes, and what then does it, loaded only when asked for.

import {TOPICS} from '../quiz/question.js';
import {either} from '../words.js';
import type {CliCommand} from './command.js';
import {DISPLAY_FLAGS, displayFlags, LAB_FLAGS, labFlags, SCHEMAS, SHELLS} from './flags.js';

const SCENARIOS = 'files, or names of those that ship, such as';
const SCENARIO = 'a file, or the name of one that ships, such as';
const EXIT = ['Exit 0: every expectation held; 1: one did not; 2: the command line or a file is wrong.'];

export const COMMANDS: readonly CliCommand[] = [
	{
		name: '',
		about: 'the dashboard; in a pipe, a snapshot as text',
		flags: [...LAB_FLAGS, 'history', 'replay', 'json', ...DISPLAY_FLAGS],
		run: async (_words, given, out) =>
			(await import('./dashboard.js')).open(
				{
					lab: labFlags(given),
					look: displayFlags(given),
					history: given.text('history'),
					replay: given.text('replay'),
					json: given.has('json'),
				},
				out,
			),
	},
	{
		name: 'run',
		takes: 'SCENARIO…',
		wants: `one scenario or more, ${SCENARIOS}: dmascope run pr-260178`,
		about: 'scenarios without a terminal: files, names of those that ship, or all',
		more: ['A line a step. Everything is checked before the first step.', ...EXIT],
		flags: [...LAB_FLAGS, 'set', 'json', 'junit', 'force', 'watch'],
		run: async (words, given, out, err) => (await import('./run.js')).run(words, given, out, err),
	},
	{
		name: 'present',
		takes: 'SCENARIO',
		wants: `a scenario, ${SCENARIO}: dmascope present tour`,
		about: 'a talk: a scenario step by step, its notes large',
		more: [
			'Space, or PgDn of a clicker, takes the next step; Backspace, or PgUp, goes back.',
			'Whatever is tried in between, the next step leads back to the path.',
		],
		flags: [...LAB_FLAGS, 'history', ...DISPLAY_FLAGS],
		run: async (words, given) =>
			(await import('./dashboard.js')).present(words, {
				lab: labFlags(given),
				look: displayFlags(given),
				history: given.text('history'),
			}),
	},
	{
		name: 'check',
		takes: 'SCENARIO…',
		wants: `one scenario or more, ${SCENARIOS}: dmascope check my.yaml`,
		about: 'whether scenarios make sense, from the first step to the last; nothing is run',
		flags: [...LAB_FLAGS, 'set'],
		run: async (words, given, out, err) => (await import('./run.js')).check(words, given, out, err),
	},
	{
		name: 'scenarios',
		about: 'those that ship, and what each shows',
		flags: ['json', 'names'],
		run: async (_words, given, out) => (await import('./scenarios.js')).list(given, out),
	},
	{
		name: 'schema',
		takes: '[NAME]',
		choices: SCHEMAS,
		about: 'the JSON Schema of scenarios, for an editor; or of what a command prints with --json',
		more: [
			'Names: scenario; snapshot (dmascope --json, qemu --json), run, decode, host, scenarios;',
			'trace (host --trace --json). Each output names its schemaVersion.',
		],
		flags: [],
		run: async (words, _given, out) => (await import('./scenarios.js')).schema(words, out),
	},
	{
		name: 'qemu',
		takes: 'SOCKET',
		wants: 'the socket of a QEMU that was started with -qmp unix:/run/vm0.qmp,server=on,wait=off',
		about: 'the IOMMU of a running QEMU, by its QMP socket; it is only looked at',
		flags: ['every', 'log', 'json', ...DISPLAY_FLAGS],
		run: async (words, given, out) =>
			(await import('./dashboard.js')).attach(
				words,
				{
					look: displayFlags(given),
					every: given.text('every'),
					log: given.text('log'),
					json: given.has('json'),
				},
				out,
			),
	},
	{
		name: 'host',
		about: 'this Linux host: its IOMMUs, groups, devices and who has them',
		flags: ['root', 'capture', 'force', 'log', 'trace', 'every', 'json', ...DISPLAY_FLAGS],
		run: async (_words, given, out, err) => (await import('./host.js')).host(given, out, err),
	},
	{
		name: 'decode',
		takes: '[FILE]',
		about: 'IOMMU faults of a kernel log, explained; from a file, a pipe, or this machine’s dmesg',
		more: ['Logs of Linux, FreeBSD, Xen and QEMU. Exit 0 where the log was read, faults or none.'],
		flags: ['json', 'follow'],
		run: async (words, given, out) =>
			(await import('./decode.js')).runDecode(
				words,
				{json: given.has('json'), follow: given.has('follow')},
				out,
			),
	},
	{
		name: 'shot',
		about: 'a picture of a view, for a report: SVG, HTML, text, or text with colours',
		flags: [
			'view',
			'diagram',
			'after',
			'size',
			'output',
			'theme',
			'ascii',
			'large',
			'root',
			'log',
			...LAB_FLAGS,
		],
		run: async (_words, given, out) => (await import('./shot.js')).shot(given, out),
	},
	{
		name: 'quiz',
		takes: '[TOPIC]',
		choices: [...TOPICS, 'grade'],
		about: 'exercises for a class: walks by hand, faults, policies, reach; and their grading',
		more: [
			`Topics: ${TOPICS.join(', ')}; all of them without one. Questions and answers come from the lab.`,
			'quiz grade FILE compares what is written after each "Answer N:" of a sheet.',
			'Exit 0: every answer is right; 1: one is not; 2: the command line or a file is wrong.',
		],
		flags: ['seed', 'count', 'answers', 'output', 'theme', 'junit', 'force'],
		run: async (words, given, out) => (await import('./quiz.js')).quiz(words, given, out),
	},
	{
		name: 'completion',
		takes: 'SHELL',
		choices: SHELLS,
		wants: `a shell, ${either(SHELLS)}: dmascope completion bash`,
		about: 'a script that completes commands, options and scenarios in a shell',
		more: [
			'bash: source <(dmascope completion bash)   # in ~/.bashrc',
			'zsh:  source <(dmascope completion zsh)    # in ~/.zshrc, after compinit',
			'fish: dmascope completion fish > ~/.config/fish/completions/dmascope.fish',
		],
		flags: [],
		run: async (words, _given, out) => (await import('./completion.js')).completion(words, COMMANDS, out),
	},
];
