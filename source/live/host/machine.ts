// This Linux host, or a copy of another's files, as an observed machine: its files are read again and again, and the
// faults in its kernel log and its trace events arrive as they happen.

import type {HostFacts} from '../../machine/host.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {Trace} from '../../machine/trace.js';
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
	/** Gaps that are not the files': no log, no tracing. */
	gaps: readonly Gap[];
};

const TRACE_MS = 200;

export class HostMachine implements ObservedMachine {
	readonly kind = 'host';
	readonly memory: PhysicalReader = {page: () => undefined};
	private readonly observation: Observation;
	private tracer: NodeJS.Timeout | undefined;

	/** @throws UserError if the host cannot be read */
	static async open(options: HostOptions): Promise<HostMachine> {
		return new HostMachine(await options.read(), options);
	}

	private constructor(
		public host: Host,
		private readonly options: HostOptions,
	) {
		const {title, log} = options;
		const subject = {
			view: async () => {
				this.host = await options.read();
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

	close(): void {
		this.observation.close();
		clearInterval(this.tracer);
		this.options.tracing?.close();
	}

	/** `before`: domains that keep their identity where their tables are unchanged. */
	private describe(before: MachineState['domains']): Partial<MachineState> {
		const facts = hostFacts(this.host);
		const {log, gaps} = this.options;
		const unread: Gap[] = log?.trouble ? [{what: 'faults in the kernel log', how: log.trouble}] : [];
		const host: HostFacts = {...facts, notSeen: [...facts.notSeen, ...unread, ...gaps]};
		const format = this.host.units.map(unit => unit.format).find(each => each !== 'other');
		return {
			...tableDomains(this.host.tables, this.host.devices, before),
			host,
			iommu: format ?? 'none',
			notes: host.notSeen.map(({what, how}) => `${what}: ${how}`),
		};
	}
}
