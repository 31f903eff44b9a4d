// Every command of the command line: its name, its arguments, its options, and the code that runs it, loaded on demand.

import type {Print} from '../text/print.js';
import {DISPLAY_FLAGS, displayFlags, type FlagName, type Given, LAB_FLAGS, labFlags} from './flags.js';

export type CliCommand = {
	/** Empty for the dashboard, which is what runs without a command. */
	name: string;
	/** Its arguments, as the help shows them. */
	takes?: string;
	/** Completes the error for missing arguments: "run needs …". */
	needs?: string;
	about: string;
	/** Further lines of its own help. */
	more?: readonly string[];
	flags: readonly FlagName[];
	/** @returns the exit code @throws UserError */
	run: (words: readonly string[], given: Given, out: Print, err: Print) => Promise<number>;
};

const EXIT = ['Exit 0: every expectation held; 1: one failed; 2: the command line or a file is wrong.'];

export const COMMANDS: readonly CliCommand[] = [
	{
		name: '',
		about: 'open the dashboard; in a pipe, print a snapshot',
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
		flags: [...LAB_FLAGS, 'set'],
		run: async (words, given, out, err) => (await import('./run.js')).check(words, given, out, err),
	},
	{
		name: 'scenarios',
		about: 'list the shipped scenarios and what each shows',
		flags: ['json', 'names'],
		run: async (_words, given, out) => (await import('./scenarios.js')).list(given, out),
	},
	{
		name: 'schema',
		about: 'print the JSON Schema of scenarios, for editors',
		flags: [],
		run: async (_words, _given, out) => (await import('./scenarios.js')).schema(out),
	},
	{
		name: 'boot',
		about: 'boot a real VM in QEMU, with dmascope as its disk',
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
		about: 'show this Linux host: its IOMMUs, groups, devices and their owners',
		flags: ['root', 'capture', 'force', 'log', 'trace', 'every', 'json', ...DISPLAY_FLAGS],
		run: async (_words, given, out, err) => (await import('./host.js')).host(given, out, err),
	},
	{
		name: 'decode',
		takes: '[FILE]',
		about: 'explain the IOMMU faults in a kernel log: a file, a pipe, or this machine’s dmesg',
		more: [
			'Reads logs of Linux, FreeBSD, Xen, QEMU, illumos, OpenBSD, ESXi and macOS, also wrapped or quoted.',
			'Exit 0: the log was read, with or without faults. Exit 2: the file is not a log.',
		],
		flags: ['json', 'follow', 'all'],
		run: async (words, given, out) =>
			(await import('./decode.js')).runDecode(
				words,
				{json: given.has('json'), follow: given.has('follow'), all: given.has('all')},
				out,
			),
	},
];
