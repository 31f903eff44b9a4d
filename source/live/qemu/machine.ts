// A running QEMU as an observed machine: the tables that the guest's kernel writes for the emulated IOMMU, kept up to
// date, and the faults that can still be read. The guest is only read, never changed.

import {UNKNOWN} from '../../explain/ranges.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {ridText} from '../../formats/pci.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {PhysicalReader, Unit} from '../../machine/tables.js';
import type {KernelLog} from '../kernel-log.js';
import {Observation} from '../observation.js';
import {amdviFaults, FaultHistory, type FaultRecords, vtdFaults} from './faults.js';
import {readUnit} from './iommu.js';
import {Link, type Version} from './link.js';
import {type OsDomains, readDomains} from './os-domains.js';
import {fields, type Qmp, text} from './qmp.js';

export type QemuOptions = {
	/** Milliseconds between two views. */
	every?: number;
	/** The time of day, for people. */
	clock: () => string;
	/** The log of the guest's kernel. */
	log?: KernelLog;
};

const EVERY_MS = 500;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

export class QemuMachine implements ObservedMachine {
	readonly kind = 'tables';
	readonly memory: PhysicalReader = {page: gpa => this.pages?.page(gpa)};
	private link: Link | undefined;
	/** The tables as last read; they stay when QEMU is gone. */
	private pages: Link['pages'] | undefined;
	private readonly faults = new FaultHistory();
	private readonly observation: Observation;

	private constructor(
		private readonly socket: string,
		private readonly options: QemuOptions,
	) {
		const subject = {
			view: () => this.view(),
			withoutLog: (trouble: string) => ({notes: [...(this.state().notes ?? []), trouble]}),
		};
		const clocks = {clock: options.clock, now: () => performance.now(), log: options.log};
		this.observation = new Observation({title: 'qemu', writer: 'the guest'}, subject, clocks);
	}

	/** @throws UserError if no QEMU answers, or its IOMMU cannot be read */
	static async open(socket: string, options: QemuOptions): Promise<QemuMachine> {
		const machine = new QemuMachine(socket, options);
		try {
			await machine.observation.refresh();
			return machine;
		} catch (error) {
			machine.close();
			throw error;
		}
	}

	state(): MachineState {
		return this.observation.state;
	}

	/** A QEMU that is gone may come back: it is tried again, less and less often. */
	watch(changed: () => void): void {
		const every = this.options.every ?? EVERY_MS;
		const retry = (failures: number) => Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
		void this.observation.watch(({failures}) => (failures === 0 ? every : retry(failures)), changed);
		void this.observation.readLog(true, changed);
	}

	/** Reads the log to its end. */
	async readLog(): Promise<void> {
		await this.observation.readLog(false);
	}

	close(): void {
		this.observation.close();
		this.disconnect();
	}

	private disconnect(): void {
		this.link?.close();
		this.link = undefined;
	}

	private async view(): Promise<Partial<MachineState>> {
		try {
			this.link ??= await Link.attach(this.socket, this.observation.signal);
			return await this.read(this.link);
		} catch (error) {
			this.disconnect();
			throw error;
		}
	}

	private async read(link: Link): Promise<Partial<MachineState>> {
		const {qmp, name, version, place} = link;
		const [unit, halt] = await Promise.all([readUnit(qmp, place), haltOf(qmp)]);
		await link.follow(unit.table);
		const {pages} = link;
		const functions = await link.functions();
		const view = pages.view();
		const records =
			unit.format === 'vt-d' ? await vtdFaults(qmp, place, unit) : await amdviFaults(qmp, place, view);
		const os = await readDomains(pages, view, unit, functions, this.state().domains);
		this.pages = pages;
		this.faults.add(records, rid => os.devices.find(device => device.rid === rid)?.name ?? ridText(rid));
		const owned = pages.memory.blocks.map(({gpa, bytes}) => ({
			hpa: gpa,
			pages: bytes / PAGE_SIZE,
			owner: UNKNOWN,
		}));
		const trouble = this.options.log?.trouble;
		return {
			title: ['qemu', name, halt].filter(Boolean).join(' '),
			iommu: unit.format,
			unit,
			domains: os.domains,
			devices: os.devices,
			owned,
			faults: this.faults.faults,
			faultLog: records.log,
			notes: [...notesOf(pages.memory.how, version, unit, os, records), ...(trouble ? [trouble] : [])],
		};
	}
}

/** QEMU's own word for why the guest is not running, such as (paused) or (postmigrate). */
async function haltOf(qmp: Qmp): Promise<string> {
	const {running, status} = fields(await qmp.execute('query-status'));
	return running === false ? `(${text(status)})` : '';
}

/** Before 10.1, amd-iommu took its log for full at every event and wrote none (amdvi_log_event). */
const writesEvents = ({major, minor}: Version): boolean => major > 10 || (major === 10 && minor >= 1);

function notesOf(
	how: string,
	version: Version,
	unit: Unit,
	{undecoded}: OsDomains,
	{log}: FaultRecords,
): string[] {
	return [
		how,
		...(unit.enabled ? [] : ['The guest has not enabled its IOMMU: DMA is not translated.']),
		...undecoded,
		'QEMU’s IOMMU cache cannot be seen: it may still hold translations that the tables no longer have.',
		'Only the guest’s kernel knows who owns the memory that a device reaches.',
		'The guest runs while its tables are read: a table may be half written.',
		log.kind === 'registers'
			? 'Each fault register holds only its last fault: earlier ones between two views and repetitions are not seen.'
			: writesEvents(version)
				? 'Only faults still in the event log are seen, as QEMU writes them; 11.1 omits the address.'
				: 'This QEMU is older than 10.1, whose amd-iommu is the first to write its event log: faults probably do not appear.',
	];
}
