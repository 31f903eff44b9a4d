// Every command of the command line: its name, its arguments, its options, and the code that runs it, loaded on demand.

import {TOPICS} from '../quiz/question.js';
import {either} from '../words.js';
import type {CliCommand} from './command.js';
import {DISPLAY_FLAGS, displayFlags, LAB_FLAGS, labFlags, SCHEMAS, SHELLS} from './flags.js';

const EXIT = ['Exit 0: every expectation held; 1: one failed; 2: the command line or a file is wrong.'];

export const COMMANDS: readonly CliCommand[] = [
	{
		name: '',
		about: 'open the dashboard; in a pipe, print a snapshot',
		examples: [
			['dmascope --policy keep', 'the dashboard, with D34607 applied from the start'],
			['dmascope --json | jq .tally', 'a snapshot for a program'],
		],
		flags: [...LAB_FLAGS, 'history', 'replay', 'json', ...DISPLAY_FLAGS],
		run: async (_words, given, out) =>
			(await import('./dashboard.js')).open(
				{
					lab: labFlags(given),
					display: displayFlags(given),
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
		needs: 'at least one scenario, by file or by name: dmascope run pr-260178',
		about: 'run scenarios without a terminal: files, names of shipped scenarios, or all',
		more: ['Prints a line per step. All files are checked before the first step runs.', ...EXIT],
		examples: [
			['dmascope run pr-260178', 'the whole story of the bug, step by step'],
			['dmascope run all --junit report.xml', 'every shipped scenario, with a report for a CI system'],
		],
		flags: [...LAB_FLAGS, 'set', 'json', 'junit', 'force', 'watch'],
		run: async (words, given, out, err) => (await import('./run.js')).run(words, given, out, err),
	},
	{
		name: 'present',
		takes: 'SCENARIO',
		needs: 'a scenario, by file or by name: dmascope present tour',
		about: 'give a talk: a scenario step by step, with large notes',
		more: [
			'Space, or PgDn on a clicker, runs the next step; Backspace, or PgUp, goes back.',
			'Try anything in between: the next step returns to the talk.',
		],
		examples: [
			['dmascope present tour', 'the tour as a talk'],
			['dmascope present pr-260178 --cast talk.cast', 'a talk, and its recording for asciinema'],
		],
		flags: [...LAB_FLAGS, 'history', ...DISPLAY_FLAGS],
		run: async (words, given) =>
			(await import('./dashboard.js')).present(words, {
				lab: labFlags(given),
				display: displayFlags(given),
				history: given.text('history'),
			}),
	},
	{
		name: 'check',
		takes: 'SCENARIO…',
		needs: 'at least one scenario, by file or by name: dmascope check my.yaml',
		about: 'check scenarios from the first step to the last, without running them',
		examples: [
			['dmascope check my.yaml', 'whether the file and each of its steps make sense'],
			['dmascope check my.yaml --set policy=keep', 'the same with another policy'],
		],
		flags: [...LAB_FLAGS, 'set'],
		run: async (words, given, out, err) => (await import('./run.js')).check(words, given, out, err),
	},
	{
		name: 'scenarios',
		about: 'list the shipped scenarios and what each shows',
		examples: [
			['dmascope scenarios', 'each name, and what it shows'],
			['dmascope scenarios --names', 'the names, for a script'],
		],
		flags: ['json', 'names'],
		run: async (_words, given, out) => (await import('./scenarios.js')).list(given, out),
	},
	{
		name: 'schema',
		takes: '[NAME]',
		choices: SCHEMAS,
		about: 'print the JSON Schema of scenarios, for editors, or of the output of a command with --json',
		more: [
			'Names: scenario; snapshot (dmascope --json, qemu --json), run, decode, host, scenarios;',
			'trace (host --trace --json). Each output names its schemaVersion.',
		],
		examples: [
			['dmascope schema > scenario.schema.json', 'for an editor that checks scenarios'],
			['dmascope schema run', 'what each line of run --json holds'],
		],
		flags: [],
		run: async (words, _given, out) => (await import('./scenarios.js')).schema(words, out),
	},
	{
		name: 'boot',
		about: 'boot a real VM in QEMU, with dmascope as its disk',
		examples: [
			['dmascope boot', 'a VM whose reads vanish; p and r bring them back'],
			['dmascope boot --policy keep --json', 'its console and the verdicts of its reads, as JSON'],
		],
		more: [
			'The guest, its driver and each preadv into its memory are real; the host around it is modelled.',
			'Without --disk and --kernel it boots a disk whose boot sector prints a line.',
			'Without a terminal it prints the console once that is quiet, and the verdicts of all reads.',
		],
		flags: [
			...(['disk', 'writable', 'overlay', 'policy', 'iommu', 'kernel', 'initrd', 'append'] as const),
			...(['memory', 'qemu', 'accel', 'viommu', 'for', 'yes', 'json'] as const),
			...DISPLAY_FLAGS,
		],
		run: async (_words, given, out) => (await import('./boot.js')).boot(given, out),
	},
	{
		name: 'serve',
		takes: 'SOCKET',
		needs: 'a path for its socket: dmascope serve /tmp/disk.sock',
		about: 'be the disk of a VM that you start, over vhost-user-blk',
		examples: [
			['dmascope serve /tmp/disk.sock --disk disk.img', 'the disk of a VM, and the options its QEMU needs'],
			['dmascope serve /tmp/disk.sock --json | tee log', 'a line of JSON per event'],
		],
		more: [
			'Shows the options that QEMU needs. Without a terminal it prints a line per event, until a signal.',
		],
		flags: [
			...(['disk', 'writable', 'overlay', 'policy', 'iommu', 'yes', 'json'] as const),
			...DISPLAY_FLAGS,
		],
		run: async (words, given, out) => (await import('./serve.js')).serve(words, given, out),
	},
	{
		name: 'qemu',
		takes: 'SOCKET',
		needs: 'the QMP socket of a QEMU started with -qmp unix:/run/vm0.qmp,server=on,wait=off',
		about: 'show the IOMMU of a running QEMU through its QMP socket, read-only',
		examples: [
			['dmascope qemu /run/vm0.qmp', 'the tables that the guest writes for its IOMMU'],
			['dmascope qemu /run/vm0.qmp --log serial.log', 'with the faults that the guest logs'],
		],
		flags: ['every', 'log', 'json', ...DISPLAY_FLAGS],
		run: async (words, given, out) =>
			(await import('./dashboard.js')).attach(
				words,
				{
					display: displayFlags(given),
					every: given.text('every'),
					log: given.text('log'),
					json: given.has('json'),
				},
				out,
			),
	},
	{
		name: 'host',
		takes: '[NEW|B]',
		about: 'show this Linux host: its IOMMUs, groups, devices and their owners; or a capture',
		more: [
			'NEW is for --compare OLD only: a second capture, a folder, or a listing of groups; B is for --between A.',
			'With --device, exit 0: a VM can have it now; 1: not, and why; 2: the command line or a file is wrong.',
		],
		examples: [
			['sudo dmascope host --trace', 'this host, and what its kernel maps and unmaps'],
			['dmascope host --root host.tar --log kern.log', 'the capture of another host, with its kernel log'],
		],
		flags: [
			'root',
			'device',
			'between',
			'compare',
			'capture',
			'tables',
			'force',
			'log',
			'trace',
			'every',
			'json',
			...DISPLAY_FLAGS,
		],
		run: async (words, given, out, err) => (await import('./host.js')).host(words, given, out, err),
	},
	{
		name: 'capture-script',
		takes: 'SYSTEM',
		needs: 'the system to capture: dmascope capture-script freebsd >capture.sh',
		about: 'print a shell script that captures a host without dmascope: freebsd',
		examples: [
			['dmascope capture-script freebsd >capture.sh', 'the script, to be copied to the host'],
			['dmascope capture-script freebsd | ssh root@HOST sh -s host.tar', 'the capture, made there at once'],
		],
		more: ['Run it there as root: sh capture.sh FILE.tar. Then, here: dmascope host --root FILE.tar'],
		flags: [],
		run: async (words, _given, out) => (await import('./capture-script.js')).captureScript(words, out),
	},
	{
		name: 'decode',
		takes: '[FILE]',
		about: 'explain the IOMMU faults in a kernel log: a file, a pipe, or this machine’s dmesg',
		more: [
			'Reads logs of Linux, FreeBSD, Xen, QEMU, illumos, OpenBSD, ESXi and macOS, also wrapped or quoted.',
			'Exit 0: the log was read, with or without faults. Exit 2: the file is not a log.',
		],
		examples: [
			['dmesg | dmascope decode', 'the faults since boot, explained'],
			['dmascope decode --follow /dev/kmsg', 'faults as they come'],
		],
		flags: ['json', 'follow', 'all'],
		run: async (words, given, out) =>
			(await import('./decode.js')).runDecode(
				words,
				{json: given.has('json'), follow: given.has('follow'), all: given.has('all')},
				out,
			),
	},
	{
		name: 'shot',
		about: 'save a picture of a view for a report: SVG, HTML, text, or text with colours',
		examples: [
			['dmascope shot --view walk --after pr-260178 -o walk.svg', 'a view after the last step of a scenario'],
			['dmascope shot --diagram path -o path.svg', 'the path of a transfer, as boxes and arrows'],
		],
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
		about: 'print exercises for a class: walks by hand, faults, policies, reach; or grade them',
		more: [
			`Topics: ${TOPICS.join(', ')}; by default, all. Questions and answers come from the lab.`,
			'quiz grade FILE compares what follows each "Answer N:" in a sheet.',
			'Exit 0: every answer is right; 1: one is wrong; 2: the command line or a file is wrong.',
		],
		examples: [
			['dmascope quiz walk --seed 7 -o sheet.txt', 'a sheet to fill in'],
			['dmascope quiz grade sheet.txt --junit sheet.xml', 'its grades, for people and for a CI system'],
		],
		flags: ['seed', 'count', 'answers', 'output', 'theme', 'junit', 'force'],
		run: async (words, given, out) => (await import('./quiz.js')).quiz(words, given, out),
	},
	{
		name: 'completion',
		takes: 'SHELL',
		choices: SHELLS,
		needs: `a shell, ${either(SHELLS)}: dmascope completion bash`,
		about: 'print a script that completes commands, options and scenarios in a shell',
		more: [
			'bash: source <(dmascope completion bash)   # in ~/.bashrc',
			'zsh:  source <(dmascope completion zsh)    # in ~/.zshrc, after compinit',
			'fish: dmascope completion fish > ~/.config/fish/completions/dmascope.fish',
		],
		examples: [
			[
				'dmascope completion bash > ~/.local/share/bash-completion/completions/dmascope',
				'once and for all, in bash',
			],
			['dmascope completion fish > ~/.config/fish/completions/dmascope.fish', 'the same in fish'],
		],
		flags: [],
		run: async (words, _given, out) => (await import('./completion.js')).completion(words, COMMANDS, out),
	},
];
