// A real machine, observed: it is viewed again and again, and its state changes only where the machine has.

import {setTimeout as sleep} from 'node:timers/promises';
import type {MachineState} from '../machine/observed.js';
import {sentenceOf, UserError} from '../user-error.js';
import type {KernelLog} from './kernel-log.js';

export const EMPTY_STATE: MachineState = {
	revision: 0,
	tables: 0,
	title: '',
	iommu: 'none',
	domains: [],
	devices: [],
	vms: [],
	owned: [],
	transfers: [],
	tally: {delivered: 0, lost: 0, torn: 0, failed: 0, unchecked: 0},
	faults: [],
	faultLog: {kind: 'registers', total: 0, used: 0, overflow: false, kernelLines: []},
};

/** The machine behind an observation. */
export type Subject = {
	/** The current state. @throws UserError if the machine cannot be read */
	view(): Promise<Partial<MachineState>>;
	/** What changes when its kernel log cannot be read. */
	withoutLog(trouble: string): Partial<MachineState>;
};

export type ObservationOptions = {
	/** A clock in milliseconds. */
	now: () => number;
	/** The time of day, for people. */
	clock: () => string;
	log?: KernelLog;
};

/** The last view: how many milliseconds it took, and how many views in a row have failed. */
export type LastView = {took: number; failures: number};

export class Observation {
	state: MachineState;
	private lastSeen: string;
	private readonly ending = new AbortController();

	constructor(
		first: Partial<MachineState>,
		private readonly subject: Subject,
		private readonly options: ObservationOptions,
	) {
		this.state = {...EMPTY_STATE, ...first};
		this.lastSeen = options.clock();
	}

	/** Aborted when the observation is closed. */
	get signal(): AbortSignal {
		return this.ending.signal;
	}

	/** Views the machine once. @returns whether its state changed @throws UserError if it cannot be viewed */
	async refresh(): Promise<boolean> {
		const parts = await this.subject.view();
		this.lastSeen = this.options.clock();
		return this.update({...parts, lost: undefined});
	}

	/**
	 * Views the machine until the observation is closed, and calls back when its state changes. A machine that is lost
	 * keeps its last state and is tried again.
	 * @param pause milliseconds until the next view
	 */
	async watch(pause: (last: LastView) => number, changed: () => void): Promise<void> {
		for (let last: LastView = {took: 0, failures: 0}; ; ) {
			await sleep(pause(last), undefined, {signal: this.signal}).catch(() => {});
			if (this.signal.aborted) return;
			const start = this.options.now();
			let failures = 0;
			const hasChanged = await this.refresh().catch((error: unknown) => {
				failures = last.failures + 1;
				return this.update({lost: {why: sentenceOf(error), lastSeen: this.lastSeen}});
			});
			if (this.signal.aborted) return;
			if (hasChanged) changed();
			last = {took: this.options.now() - start, failures};
		}
	}

	/** Reads the kernel log to its end; with `follow`, until the observation is closed. */
	async readLog(follow: boolean, changed: () => void = () => {}): Promise<void> {
		const {log} = this.options;
		await log?.readOrExplain(follow, () => {
			const trouble = log.trouble === undefined ? {} : this.subject.withoutLog(log.trouble);
			if (this.update({...trouble, logged: log.shown})) changed();
		});
	}

	/** Unchanged parts keep their identity, and the revisions rise only with a change. @returns whether there was one */
	update(parts: Partial<MachineState>): boolean {
		const before = this.state;
		const now = {...before, ...parts};
		const tables = {
			domains: keepList(before.domains, now.domains),
			unit: keepIdentity(before.unit, now.unit),
			devices: keepIdentity(before.devices, now.devices),
			owned: keepIdentity(before.owned, now.owned),
		};
		const after = {
			...now,
			...tables,
			host: keepIdentity(before.host, now.host),
			notes: keepIdentity(before.notes, now.notes),
			faultLog: keepIdentity(before.faultLog, now.faultLog),
			lost: keepIdentity(before.lost, now.lost),
		};
		if (hasParts(before, after)) return false;
		const sameTables = hasParts(before, tables);
		this.state = {
			...after,
			revision: before.revision + 1,
			tables: before.tables + (sameTables ? 0 : 1),
		};
		return true;
	}

	close(): void {
		this.ending.abort();
		this.options.log?.close();
	}
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** `now`, or the object from before where that says the same. */
export const keepIdentity = <T>(before: T, now: T): T =>
	before === now || sameJson(before, now) ? before : now;

/** The same for a list whose items keep their own identity: domains are too large to compare as text. */
const keepList = <T>(before: readonly T[], now: readonly T[]): readonly T[] =>
	before.length === now.length && now.every((item, i) => item === before[i]) ? before : now;

/** Whether an object has each of these parts, by identity. */
function hasParts(whole: object, parts: object): boolean {
	const values = new Map(Object.entries(whole));
	return Object.entries(parts).every(([name, value]) => values.get(name) === value);
}

const SHORTEST_MS = 50;
const LONGEST_MS = 3_600_000;

/** The milliseconds of --every, such as 500ms or 2s. @throws UserError */
export function parseInterval(text: string): number {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
	const time = Number(digits) * (unit === 's' ? 1000 : 1);
	if (!(time >= SHORTEST_MS && time <= LONGEST_MS))
		throw new UserError(`--every ${text} is not a time from 50ms to 3600s; write 500ms or 2s.`);
	return time;
}
