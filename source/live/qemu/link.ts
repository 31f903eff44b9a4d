// A connection to a running QEMU: its monitor, its IOMMU's registers and its memory.

import {pciDevices, type QemuDevice} from './devices.js';
import {findIommu, readUnit, type UnitPlace} from './iommu.js';
import {openMemory} from './memory.js';
import {fields, number, Qmp, text} from './qmp.js';
import {TablePages} from './table-pages.js';

/** QEMU's version; 10.1 is {major: 10, minor: 1}. */
export type Version = {major: number; minor: number};

/** Views through the monitor before the memory's file is tried again. */
const TRY_AGAIN = 20;
/** Views before the PCI functions are queried again. */
const FUNCTIONS_AGAIN = 4;

export class Link {
	private views = 0;
	private queries = 0;
	private devices: readonly QemuDevice[] = [];

	private constructor(
		readonly qmp: Qmp,
		/** The machine's name, from QEMU's -name. */
		readonly name: string,
		readonly version: Version,
		readonly place: UnitPlace,
		public pages: TablePages,
		private table: number,
	) {}

	/**
	 * @param signal ends the connection, even while it is being made
	 * @throws UserError if no QEMU answers, or its IOMMU cannot be read
	 */
	static async attach(socket: string, signal: AbortSignal): Promise<Link> {
		const qmp = await Qmp.connect(socket, signal);
		try {
			const place = await findIommu(qmp);
			const {table} = await readUnit(qmp, place);
			const name = text(fields(await qmp.execute('query-name')).name);
			const {major, minor} = fields(fields(await qmp.execute('query-version')).qemu);
			const version = {major: number(major), minor: number(minor)};
			const memory = await openMemory(qmp, table);
			return new Link(qmp, name, version, place, new TablePages(memory), table);
		} catch (error) {
			qmp.close();
			throw error;
		}
	}

	/**
	 * Where the tables have moved, a kernel has taken over from the firmware or the firmware from a kernel: the memory
	 * below 1 MiB is different, so open it again. Also open it again once its file can be read.
	 */
	async follow(table: number): Promise<void> {
		const moved = table !== this.table;
		const due = !this.pages.memory.inPlace && ++this.views % TRY_AGAIN === 0;
		if (moved) this.queries = 0;
		if (!moved && !due) return;
		const memory = await openMemory(this.qmp, table);
		if (!moved && !memory.inPlace) return;
		this.pages.memory.close();
		this.pages = new TablePages(memory);
		this.table = table;
	}

	/** Functions change only when buses are renumbered or a card is plugged, so they are not queried for each view. */
	async functions(): Promise<readonly QemuDevice[]> {
		if (this.queries++ % FUNCTIONS_AGAIN === 0) this.devices = await pciDevices(this.qmp);
		return this.devices;
	}

	close(): void {
		this.pages.memory.close();
		this.qmp.close();
	}
}
