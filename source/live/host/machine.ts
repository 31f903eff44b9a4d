// This Linux host, or a copy of another's files, as a machine to look at: read again and again, with the faults of its
// kernel's log as they come, and what the kernel maps and unmaps where that was asked for.

import {setTimeout as sleep} from 'node:timers/promises';
import type {HostFacts} from '../../machine/host.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {Trace} from '../../machine/trace.js';
import {EMPTY_STATE, keepIdentity, sameJson, troubleText} from '../empty-state.js';
import type {KernelLog} from '../kernel-log.js';
import {hostFacts} from './describe.js';
import type {Gap, Host} from './host.js';
import {byAndBy, type Pieces, whole} from './pieces.js';
import {tableDomains} from './table-domains.js';

export type HostOptions = {
	title: string;
	/** Reads the host anew. */
	read: () => Pieces<Host>;
	/** Milliseconds until the next look, after one that took so many; undefined where it cannot change. */
	pace?: (took: number) => number;
	/** Milliseconds that pass. */
	now: () => number;
	/** What the clock shows, for people. */
	clock: () => string;
	log?: KernelLog;
	tracing?: {poll(): Trace; close(): void};
	/** What else cannot be seen, and how it could be. */
	gaps: readonly Gap[];
};

const TRACE_MS = 200;

export class HostMachine implements ObservedMachine {
	readonly kind = 'host';
	readonly memory: PhysicalReader = {page: () => undefined};
	host: Host;
	private shown: MachineState = EMPTY_STATE;
	private seen: string;
	private readonly ending = new AbortController();
	private tracer: NodeJS.Timeout | undefined;

	constructor(private readonly options: HostOptions) {
		this.host = whole(options.read());
		this.seen = options.clock();
		this.shown = {...EMPTY_STATE, ...this.look(), title: options.title, logged: options.log?.logged};
	}

	state(): MachineState {
		return this.shown;
	}

	/** Reads the log that there is, and goes no further. */
	async readLog(): Promise<void> {
		await this.followLog(false, () => {});
	}

	watch(changed: () => void): void {
		const {tracing} = this.options;
		void this.keepLooking(changed);
		if (tracing) this.tracer = setInterval(() => this.show({trace: tracing.poll()}, changed), TRACE_MS);
		void this.followLog(true, changed);
	}

	close(): void {
		this.ending.abort();
		clearInterval(this.tracer);
		this.options.log?.close();
		this.options.tracing?.close();
	}

	private async followLog(further: boolean, changed: () => void): Promise<void> {
		const {log} = this.options;
		await log?.follow(further, () => {
			this.show({...(log.trouble ? this.look() : {}), logged: log.seen}, changed);
		});
	}

	private async keepLooking(changed: () => void): Promise<void> {
		const {pace, now} = this.options;
		const {signal} = this.ending;
		for (let took = 0; pace !== undefined; ) {
			await sleep(pace(took), undefined, {signal}).catch(() => {});
			if (signal.aborted) return;
			const began = now();
			const seen = await this.again();
			if (signal.aborted) return;
			this.show(seen, changed);
			took = now() - began;
		}
	}

	/** What was seen last stays where there is nothing to be seen any more. */
	private async again(): Promise<Partial<MachineState>> {
		try {
			this.host = await byAndBy(this.options.read());
			this.seen = this.options.clock();
			return {...this.look(), lost: undefined};
		} catch (error) {
			return {lost: {why: troubleText(error), lastSeen: this.seen}};
		}
	}

	private look(): Partial<MachineState> {
		const words = hostFacts(this.host);
		const {log, gaps} = this.options;
		const unread: Gap[] = log?.trouble ? [{what: 'faults of the kernel’s log', how: log.trouble}] : [];
		const host: HostFacts = {...words, notSeen: [...words.notSeen, ...unread, ...gaps]};
		const format = this.host.units.map(unit => unit.format).find(each => each !== 'other');
		return {
			...tableDomains(this.host.tables, this.host.devices, this.shown),
			host,
			iommu: format ?? 'none',
			notes: host.notSeen.map(({what, how}) => `${what}: ${how}`),
		};
	}

	/** The revision rises where something is not as it was. */
	private show(parts: Partial<MachineState>, changed: () => void): void {
		const before = this.shown;
		const host = keepIdentity(before.host, parts.host ?? before.host);
		const now = {...before, ...parts, host, notes: keepIdentity(before.notes, parts.notes ?? before.notes)};
		const sameTables = now.domains === before.domains && now.devices === before.devices;
		const same =
			sameTables &&
			host === before.host &&
			now.iommu === before.iommu &&
			now.notes === before.notes &&
			now.logged === before.logged &&
			sameJson(now.lost, before.lost) &&
			now.trace === before.trace;
		if (same) return;
		this.shown = {
			...now,
			revision: before.revision + 1,
			tables: before.tables + (sameTables ? 0 : 1),
		};
		changed();
	}
}
