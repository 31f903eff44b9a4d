// Every option of the command line, and those that were given.

import {FAMILIES, HBA_WORDS, POLICIES} from '../machine/command.js';
import {THEMES} from '../text/tones.js';
import type {DisplayFlags} from '../ui/display-flags.js';
import {DIAGRAMS, VIEWS} from '../ui/state/views.js';
import type {LabFlags} from './open-lab.js';

/**
 * `takes`: the name of its value, if it has one; `choices`: the possible values; `many`: it may be repeated; `short`: its
 * letter, if it has one.
 */
export type Flag = {
	takes?: string;
	choices?: readonly string[];
	many?: boolean;
	short?: string;
	about: string;
};

/** What JSON Schemas exist for: scenarios, and the output of commands with --json. */
export const SCHEMAS = [
	...(['scenario', 'snapshot', 'run', 'decode', 'host', 'trace', 'scenarios'] as const),
	...(['boot', 'serve'] as const),
] as const;
export type SchemaName = (typeof SCHEMAS)[number];

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const table = {
	disk: {
		takes: 'PATH',
		about: 'disk image, partition or block device to use as ada0 (default: a sample disk)',
	},
	writable: {about: 'let guests write to the disk; refused if the disk is in use'},
	overlay: {about: 'let guests write; their writes stay in memory, and the disk is unchanged'},
	'host-memory': {takes: 'SIZE', about: 'memory of the host; each guest gets a quarter of it (256M)'},
	policy: {
		takes: 'NAME',
		choices: POLICIES,
		about: 'initial policy: remove (before D34607), keep (D34607) or bounce (D34535)',
	},
	iommu: {takes: 'FAMILY', choices: FAMILIES, about: 'vt-d, amd-vi or none (vt-d)'},
	hba: {
		takes: 'WORD',
		choices: HBA_WORDS,
		about: 'what the disk controller reports if it cannot read memory: silent or error (silent)',
	},
	set: {
		takes: 'KEY=VALUE',
		many: true,
		about: "override a part of the scenario's machine: policy=keep",
	},
	replay: {
		takes: 'SCENARIO',
		about: 'open a saved session, or any scenario, at its beginning',
	},
	history: {
		takes: 'SIZE',
		about: 'memory for the session’s history (256M); when full, the oldest steps are forgotten',
	},
	cast: {takes: 'FILE', about: 'record the terminal as an asciicast, for asciinema'},
	json: {about: 'print JSON instead of text or the dashboard'},
	junit: {takes: 'FILE', about: 'also write a report for CI systems, as JUnit XML'},
	force: {about: 'let --junit and --capture replace a file of their own kind'},
	watch: {about: 'run again whenever a file changes, until Ctrl-C'},
	every: {takes: 'TIME', about: 'how often to update, such as 500ms or 2s'},
	log: {takes: 'FILE', about: 'show the faults in that machine’s kernel log, and follow it'},
	trace: {about: 'show what the kernel maps and unmaps, through a tracing instance; needs root'},
	between: {
		takes: 'A',
		about: 'how two PCI functions, A and B, reach each other: directly, or through the IOMMU',
	},
	compare: {
		takes: 'OLD',
		about: 'what differs between a capture and a second one, or this host; exit 1: something',
	},
	device: {takes: 'BDF', about: 'whether that PCI function, such as 01:00.0, can be given to a VM'},
	root: {takes: 'PATH', about: 'show a capture, or a copy of a host below a folder, instead of this host'},
	capture: {takes: 'FILE', about: 'save everything that is read to a tar file, to show it elsewhere'},
	tables: {about: 'let --capture save the page tables too: they hold addresses and no contents'},
	kernel: {takes: 'FILE', about: 'boot this Linux kernel, not the disk'},
	initrd: {takes: 'FILE', about: 'the kernel’s initial RAM disk'},
	append: {takes: 'WORDS', about: 'the kernel’s command line (console=ttyS0)'},
	memory: {takes: 'SIZE', about: 'memory of the VM (256M)'},
	qemu: {takes: 'PATH', about: 'the QEMU to start (qemu-system-x86_64)'},
	accel: {takes: 'NAME', about: 'tcg or kvm (tcg)'},
	viommu: {about: 'give the VM its own IOMMU (intel-iommu) in front of its disk'},
	for: {takes: 'TIME', about: 'without a terminal, the longest wait for the console to fall silent (60s)'},
	yes: {about: 'write into a running guest without asking'},
	follow: {about: 'keep reading as the log grows'},
	all: {about: 'also explain messages of swiotlb, VFIO and the DMA API’s checks'},
	names: {about: 'print the names only'},
	view: {takes: 'VIEW', choices: VIEWS, about: 'the view to draw (overview)'},
	diagram: {takes: 'WHAT', choices: DIAGRAMS, about: 'draw a walk or a path as boxes and arrows instead'},
	size: {takes: 'COLUMNSxROWS', about: 'the size of the screen to draw (120x40)'},
	after: {takes: 'SCENARIO', about: 'draw it after the last step of a scenario'},
	output: {takes: 'FILE', short: 'o', about: 'the new file; its name ends in the format, such as .svg'},
	seed: {takes: 'NUMBER', about: 'each seed has its own questions (1)'},
	count: {takes: 'NUMBER', about: 'the number of questions (8)'},
	answers: {about: 'include the answers, with reasons'},
	theme: {takes: 'NAME', choices: THEMES, about: 'dark, light, colour-blind or plain; respects NO_COLOR'},
	ascii: {about: 'draw with ASCII only'},
	'no-mouse': {about: 'leave the mouse to the terminal; otherwise, Shift selects text'},
	'no-motion': {about: 'show outcomes at once, without the moving packet'},
	large: {about: 'fewer, larger panels, for a projector'},
	config: {takes: 'FILE', about: 'read settings and keys from FILE, not ~/.config/dmascope/config.yaml'},
	help: {about: 'show this help; after a command, its own help'},
	version: {about: 'print the version'},
} satisfies Record<string, Flag>;
export type FlagName = keyof typeof table;
export const FLAGS: ReadonlyMap<string, Flag> = new Map(Object.entries(table));

/** The options that were given. */
export class Given {
	readonly #values: ReadonlyMap<string, readonly string[]>;

	/** Values by name; an option without a value has an empty list. */
	constructor(values: ReadonlyMap<string, readonly string[]>) {
		this.#values = values;
	}

	has(name: FlagName): boolean {
		return this.#values.has(name);
	}

	all(name: FlagName): readonly string[] {
		return this.#values.get(name) ?? [];
	}

	/** How many values were given. */
	times(name: string): number {
		return this.#values.get(name)?.length ?? 0;
	}

	text(name: FlagName): string | undefined {
		return this.all(name)[0];
	}

	get names(): string[] {
		return [...this.#values.keys()];
	}
}

export const LAB_FLAGS = ['disk', 'writable', 'overlay', 'host-memory', 'policy', 'iommu', 'hba'] as const;
export const labFlags = (given: Given): LabFlags => ({
	disk: given.text('disk'),
	writable: given.has('writable'),
	overlay: given.has('overlay'),
	hostMemory: given.text('host-memory'),
	policy: given.text('policy'),
	iommu: given.text('iommu'),
	hba: given.text('hba'),
});

export const DISPLAY_FLAGS = ['theme', 'ascii', 'no-mouse', 'no-motion', 'large', 'config', 'cast'] as const;
export const displayFlags = (given: Given): DisplayFlags => ({
	theme: given.text('theme'),
	config: given.text('config'),
	cast: given.text('cast'),
	ascii: given.has('ascii') || undefined,
	large: given.has('large') || undefined,
	mouse: given.has('no-mouse') ? false : undefined,
	motion: given.has('no-motion') ? false : undefined,
});
