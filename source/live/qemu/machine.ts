// A running QEMU as a machine to look at: the tables that the guest's kernel writes for the emulated IOMMU, kept up to
// date, and what is left of its faults. Nothing is written, neither to the guest nor to its monitor.

import {UNKNOWN} from '../../explain/ranges.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {ridText} from '../../formats/pci.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {PhysicalReader, Unit} from '../../machine/tables.js';
import {EMPTY_STATE, keepIdentity, sameJson, troubleText} from '../empty-state.js';
import type {KernelLog} from '../kernel-log.js';
import {amdviFaults, FaultsKept, type FaultsSeen, vtdFaults} from './faults.js';
import {readUnit} from './iommu.js';
import {Link, type Version} from './link.js';
import {lookAtDomains, type Os} from './os-domains.js';
import {fields, type Qmp, text} from './qmp.js';

export type QemuOptions = {
	/** Milliseconds between two looks. */
	every?: number;
	/** What the clock shows, for people. */
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
	/** The tables as they were read last, also when QEMU is gone. */
	private pages: Link['pages'] | undefined;
	private shown: MachineState = {...EMPTY_STATE, title: 'qemu', writer: 'the guest'};
	private seen = '';
	private readonly kept = new FaultsKept();
	private retry = FIRST_RETRY_MS;
	private timer: NodeJS.Timeout | undefined;
	private readonly ending = new AbortController();

	private constructor(
		private readonly socket: string,
		private readonly options: QemuOptions,
	) {}

	/** @throws UserError where there is no QEMU, or none that can be looked at */
	static async open(socket: string, options: QemuOptions): Promise<QemuMachine> {
		const machine = new QemuMachine(socket, options);
		try {
			await machine.look();
			return machine;
		} catch (error) {
			machine.close();
			throw error;
		}
	}

	state(): MachineState {
		return this.shown;
	}

	/** Looks again and again until it is closed. A QEMU that is gone is waited for: it may come back. */
	watch(changed: () => void): void {
		const round = async () => {
			const {revision} = this.shown;
			const wait = await this.lookOrWait();
			if (this.ending.signal.aborted) return;
			if (this.shown.revision !== revision) changed();
			this.timer = setTimeout(round, wait);
		};
		this.timer = setTimeout(round, this.options.every ?? EVERY_MS);
		void this.followLog(true, changed);
	}

	/** Reads the log that there is, and goes no further. */
	async readLog(): Promise<void> {
		await this.followLog(false, () => {});
	}

	private async followLog(further: boolean, changed: () => void): Promise<void> {
		const {log} = this.options;
		await log?.follow(further, () => {
			const {notes = []} = this.shown;
			this.show({logged: log.seen, notes: log.trouble ? [...notes, log.trouble] : notes});
			changed();
		});
	}

	close(): void {
		this.ending.abort();
		clearTimeout(this.timer);
		this.options.log?.close();
		this.unlink();
	}

	private unlink(): void {
		this.link?.close();
		this.link = undefined;
	}

	/** @returns how long to wait until the next look */
	private async lookOrWait(): Promise<number> {
		try {
			await this.look();
			this.retry = FIRST_RETRY_MS;
			return this.options.every ?? EVERY_MS;
		} catch (error) {
			this.unlink();
			this.show({lost: {why: troubleText(error), lastSeen: this.seen}});
			const wait = this.retry;
			this.retry = Math.min(LAST_RETRY_MS, 2 * wait);
			return wait;
		}
	}

	private async look(): Promise<void> {
		this.link ??= await Link.attach(this.socket, this.ending.signal);
		const {qmp, name, version, place} = this.link;
		const [unit, halt] = await Promise.all([readUnit(qmp, place), haltOf(qmp)]);
		const {log} = this.options;
		await this.link.follow(unit.table);
		const {pages} = this.link;
		const functions = await this.link.functions();
		const look = pages.look();
		const seen =
			unit.format === 'vt-d' ? await vtdFaults(qmp, place, unit) : await amdviFaults(qmp, place, look);
		const os = await lookAtDomains(pages, look, unit, functions, this.shown.domains);
		this.pages = pages;
		this.seen = this.options.clock();
		this.kept.add(seen, rid => os.devices.find(device => device.rid === rid)?.name ?? ridText(rid));
		const owned = pages.memory.blocks.map(({gpa, bytes}) => ({
			hpa: gpa,
			pages: bytes / PAGE_SIZE,
			owner: UNKNOWN,
		}));
		this.show({
			title: ['qemu', name, halt].filter(Boolean).join(' '),
			iommu: unit.format,
			unit,
			domains: os.domains,
			devices: os.devices,
			owned,
			faults: this.kept.faults,
			faultLog: seen.log,
			notes: [...notesOf(pages.memory.how, version, unit, os, seen), ...(log?.trouble ? [log.trouble] : [])],
			lost: undefined,
		});
	}

	/** What is as it was stays the same object, and the revisions rise where something is not. */
	private show(now: Partial<MachineState>): void {
		const before = this.shown;
		const {domains, unit, devices, owned, faults, ...rest} = {...before, ...now};
		const sameDomains =
			domains.length === before.domains.length && domains.every((domain, i) => domain === before.domains[i]);
		const tables = {
			domains: sameDomains ? before.domains : domains,
			unit: keepIdentity(before.unit, unit),
			devices: keepIdentity(before.devices, devices),
			owned: keepIdentity(before.owned, owned),
		};
		const sameTables =
			sameDomains &&
			tables.unit === before.unit &&
			tables.devices === before.devices &&
			tables.owned === before.owned;
		const {title, faultLog, notes, lost} = rest;
		const same = sameJson(
			[title, faultLog, notes, lost],
			[before.title, before.faultLog, before.notes, before.lost],
		);
		if (sameTables && same && faults === before.faults && rest.logged === before.logged) return;
		this.shown = {
			...rest,
			...tables,
			faults,
			revision: before.revision + 1,
			tables: before.tables + (sameTables ? 0 : 1),
		};
	}
}

/** QEMU's own word for why the guest does not run, such as paused or postmigrate, in brackets. */
async function haltOf(qmp: Qmp): Promise<string> {
	const {running, status} = fields(await qmp.execute('query-status'));
	return running === false ? `(${text(status)})` : '';
}

/** Before it, amd-iommu took its log for full at every event, and wrote none (amdvi_log_event). */
const writesEvents = ({major, minor}: Version): boolean => major > 10 || (major === 10 && minor >= 1);

function notesOf(how: string, version: Version, unit: Unit, {undecoded}: Os, {log}: FaultsSeen): string[] {
	return [
		how,
		...(unit.enabled
			? []
			: ['The guest has not switched its IOMMU on: nothing that its devices do is translated.']),
		...undecoded,
		'What QEMU’s IOMMU has cached cannot be seen: it may still answer as the tables were.',
		'Whose the memory is that a device reaches, the guest’s kernel alone knows.',
		'The guest goes on while its tables are read: a table may be seen half written.',
		log.kind === 'registers'
			? 'Of the faults, each register’s last one can be read: others between two looks are not seen, nor how often the same one came.'
			: writesEvents(version)
				? 'Of the faults, those still in the event log are seen, as QEMU writes them: 11.1 leaves out the address.'
				: 'QEMU’s amd-iommu writes its event log from 10.1 on: this one is older, and most likely shows no fault.',
	];
}
