// Every flag of the command line, by its name, and what was given of them.

import {FAMILIES, HBA_WORDS, POLICIES} from '../machine/command.js';
import type {DisplayFlags} from '../ui/display-flags.js';
import {DIAGRAMS, VIEWS} from '../ui/state/views.js';
import {THEMES} from '../ui/theme.js';
import type {LabFlags} from './open-lab.js';

/**
 * `takes`: what its value is, where it takes one; `choices`: the words that it may be; `many`: it may be given again;
 * `short`: its letter, where it has one.
 */
export type Flag = {
	takes?: string;
	choices?: readonly string[];
	many?: boolean;
	short?: string;
	about: string;
};

/** What there are JSON Schemas of: scenarios, and what commands print with --json. */
export const SCHEMAS = ['scenario', 'snapshot', 'run', 'decode', 'host', 'trace', 'scenarios'] as const;
export type SchemaName = (typeof SCHEMAS)[number];

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const table = {
	disk: {
		takes: 'PATH',
		about: 'a disk image, partition or block device as ada0 (a sample is made without it)',
	},
	writable: {about: 'let guests write to the disk; never to one that is in use'},
	overlay: {about: 'let guests write; what they write stays in memory, and the disk as it is'},
	'host-memory': {takes: 'SIZE', about: 'memory of the host, a quarter of it for each guest (256M)'},
	policy: {
		takes: 'NAME',
		choices: POLICIES,
		about: 'start under remove (before D34607), keep (D34607) or bounce (D34535)',
	},
	iommu: {takes: 'FAMILY', choices: FAMILIES, about: 'vt-d, amd-vi or none (vt-d)'},
	hba: {
		takes: 'WORD',
		choices: HBA_WORDS,
		about: "what the disk's controller says where it cannot read memory: silent or error (silent)",
	},
	set: {
		takes: 'KEY=VALUE',
		many: true,
		about: "a part of the scenario's machine instead of its own: policy=keep",
	},
	replay: {
		takes: 'SCENARIO',
		about: 'open it on a session that was written, or another scenario, at its beginning',
	},
	history: {
		takes: 'SIZE',
		about: 'memory for the session’s history (256M); when full, the oldest steps are forgotten',
	},
	cast: {takes: 'FILE', about: 'record the terminal as an asciicast, which asciinema plays'},
	json: {about: 'JSON instead of text or the dashboard'},
	junit: {takes: 'FILE', about: 'write a report for CI systems as well, in the XML of JUnit'},
	force: {about: 'let --junit and --capture replace a file of their own kind'},
	watch: {about: 'run again whenever a file changes, until Ctrl-C'},
	every: {takes: 'TIME', about: 'how often to look, such as 500ms or 2s'},
	log: {takes: 'FILE', about: 'the kernel log of that machine, for the faults in it; it is followed'},
	trace: {about: 'what the kernel maps and unmaps, by a tracing instance of its own; for root'},
	root: {takes: 'PATH', about: 'look at a copy below a folder, or at a capture, instead'},
	capture: {takes: 'FILE', about: 'keep what is read as a tar file, to look at it elsewhere'},
	follow: {about: 'go on as the log grows'},
	names: {about: 'the names alone'},
	view: {takes: 'VIEW', choices: VIEWS, about: 'the view to draw (overview)'},
	diagram: {takes: 'WHAT', choices: DIAGRAMS, about: 'draw a walk or a path instead, as boxes and arrows'},
	size: {takes: 'COLUMNSxROWS', about: 'the size of the screen that is drawn (120x40)'},
	after: {takes: 'SCENARIO', about: 'draw it after the last step of a scenario'},
	output: {takes: 'FILE', short: 'o', about: 'the new file: .svg, .html, .txt or .ansi'},
	seed: {takes: 'NUMBER', about: 'which questions: each seed has its own (1)'},
	count: {takes: 'NUMBER', about: 'how many questions (8)'},
	answers: {about: 'with the answers, and why'},
	theme: {takes: 'NAME', choices: THEMES, about: 'dark, light, colour-blind or plain; NO_COLOR is heeded'},
	ascii: {about: 'signs and borders of ASCII alone'},
	mouse: {about: 'click to focus, wheel to scroll'},
	large: {about: 'fewer, larger panels, for a projector'},
	config: {takes: 'FILE', about: 'settings and keys, if not from ~/.config/dmascope/config.yaml'},
	help: {about: 'this; after a command, what that takes'},
	version: {about: 'which dmascope this is'},
} satisfies Record<string, Flag>;
export type FlagName = keyof typeof table;
export const FLAGS: ReadonlyMap<string, Flag> = new Map(Object.entries(table));

/** The flags that were given. */
export class Given {
	readonly #values: ReadonlyMap<string, readonly string[]>;

	/** By name, the values; those that take none have no values and are there. */
	constructor(values: ReadonlyMap<string, readonly string[]>) {
		this.#values = values;
	}

	has(name: FlagName): boolean {
		return this.#values.has(name);
	}

	all(name: FlagName): readonly string[] {
		return this.#values.get(name) ?? [];
	}

	/** How often a flag was given with a value. */
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

export const DISPLAY_FLAGS = ['theme', 'ascii', 'mouse', 'large', 'config', 'cast'] as const;
export const displayFlags = (given: Given): DisplayFlags => ({
	theme: given.text('theme'),
	config: given.text('config'),
	cast: given.text('cast'),
	ascii: given.has('ascii') || undefined,
	large: given.has('large') || undefined,
	mouse: given.has('mouse') || undefined,
});
