// This Linux host, or a copy of another's files, as an observed machine: its files are read again and again, and the
// faults in its kernel log and its trace events arrive as they happen.

import {domainName, functionsIn} from '../../explain/names.js';
import type {HostFacts, Preflight} from '../../machine/host.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {Trace} from '../../machine/trace.js';
import {messageOf, UserError} from '../../user-error.js';
import {plural} from '../../words.js';
import {Observation, type ObservationOptions} from '../observation.js';
import {hostFacts} from './describe.js';
import type {Gap, Host} from './host.js';
import {tableDomains} from './table-domains.js';

export type HostOptions = ObservationOptions & {
	title: string;
	read: () => Promise<Host>;
	/** Milliseconds until the next reading, after one that took so many; undefined if the files cannot change. */
	pause?: (took: number) => number;
	tracing?: {poll(): Trace; close(): void};
	/** Reads what a preflight needs of a function. */
	preflight?: (host: Host, device: string) => Preflight;
	/** The page tables of this host, from its memory. */
	tables?: LiveTables;
	/** Gaps that are not the files': no log, no tracing. */
	gaps: readonly Gap[];
};

/** What HostTables finds, or a capture has kept. */
export type LiveTables = {
	readonly memory: PhysicalReader;
	/** @throws where the tables cannot be read */
	look(host: Host): Promise<TablesState>;
	close(): void;
};
export type TablesState = Pick<MachineState, 'domains' | 'devices' | 'owned' | 'unit'> & {
	notes: readonly string[];
};

const TRACE_MS = 200;

const shownOf = ({domains, devices, owned, unit}: TablesState) => ({domains, devices, owned, unit});

async function lookAt(tables: LiveTables | undefined, host: Host): Promise<TablesState | Gap | undefined> {
	try {
		return await tables?.look(host);
	} catch (error) {
		return {what: 'page tables from memory', how: `not possible here: ${messageOf(error)}`};
	}
}

/** A line for each domain, as the report has them. */
const domainWords = ({domains, devices}: TablesState): string[] =>
	domains.map(domain => {
		const pages = (domain.mappings ?? []).reduce((sum, each) => sum + each.pages, 0);
		const what = domain.levels === 0 ? 'all memory, 1:1 without tables' : `${plural(pages, 'page')} mapped`;
		return `domain ${domainName(domain)}  ${what}; ${functionsIn(domain, devices)}`;
	});

export class HostMachine implements ObservedMachine {
	readonly kind = 'host';
	readonly memory: PhysicalReader = {page: hpa => this.options.tables?.memory.page(hpa)};
	private readonly observation: Observation;
	private tracer: NodeJS.Timeout | undefined;

	/** @throws UserError if the host cannot be read */
	static async open(options: HostOptions): Promise<HostMachine> {
		const host = await options.read();
		return new HostMachine(host, await lookAt(options.tables, host), options);
	}

	private constructor(
		public host: Host,
		private tables: TablesState | Gap | undefined,
		private readonly options: HostOptions,
	) {
		const {title, log} = options;
		const subject = {
			view: async () => {
				this.host = await options.read();
				this.tables = await lookAt(options.tables, this.host);
				return this.describe(this.state().domains);
			},
			withoutLog: () => this.describe(this.state().domains),
		};
		this.observation = new Observation({...this.describe([]), title, logged: log?.logged}, subject, options);
	}

	state(): MachineState {
		return this.observation.state;
	}

	/** Reads the kernel log to its end. */
	async readLog(): Promise<void> {
		await this.observation.readLog(false);
	}

	watch(changed: () => void): void {
		const {pause, tracing} = this.options;
		if (pause) void this.observation.watch(({took}) => pause(took), changed);
		if (tracing)
			this.tracer = setInterval(() => {
				if (this.observation.update({trace: tracing.poll()})) changed();
			}, TRACE_MS);
		void this.observation.readLog(true, changed);
	}

	/** Undefined if the function is gone. */
	preflight(device: string): Preflight | undefined {
		try {
			return this.options.preflight?.(this.host, device);
		} catch (error) {
			if (error instanceof UserError) return undefined;
			throw error;
		}
	}

	close(): void {
		this.observation.close();
		clearInterval(this.tracer);
		this.options.tracing?.close();
		this.options.tables?.close();
	}

	/** `before`: domains that keep their identity where their tables are unchanged. */
	private describe(before: MachineState['domains']): Partial<MachineState> {
		const facts = hostFacts(this.host);
		const {log, gaps} = this.options;
		const unread: Gap[] = log?.trouble ? [{what: 'faults in the kernel log', how: log.trouble}] : [];
		const live = this.tables !== undefined && 'domains' in this.tables ? this.tables : undefined;
		const failed: Gap[] = this.tables !== undefined && 'what' in this.tables ? [this.tables] : [];
		// With the tables in memory it does not matter that the kernel shows none.
		const own = live ? facts.notSeen.filter(({what}) => !what.startsWith('page tables')) : facts.notSeen;
		const host: HostFacts = {
			...facts,
			...(live ? {tables: domainWords(live)} : {}),
			notSeen: [...own, ...failed, ...unread, ...gaps],
		};
		const format = this.host.units.map(unit => unit.format).find(each => each !== 'other');
		return {
			...(live ? shownOf(live) : tableDomains(this.host.tables, this.host.devices, before)),
			host,
			iommu: format ?? 'none',
			writer: 'this host',
			notes: [...(live?.notes ?? []), ...host.notSeen.map(({what, how}) => `${what}: ${how}`)],
		};
	}
}
