// What it takes to look at a running QEMU: a connection to its monitor, where its IOMMU answers, its memory.

import {pciDevices, type QemuDevice} from './devices.js';
import {findIommu, readUnit, type UnitPlace} from './iommu.js';
import {openMemory} from './memory.js';
import {fields, number, Qmp, text} from './qmp.js';
import {TablePages} from './table-pages.js';

/** Of QEMU; 10.1 is {major: 10, minor: 1}. */
export type Version = {major: number; minor: number};

/** Looks through the monitor until the memory’s file is tried once more. */
const TRY_AGAIN = 20;
/** Looks until the PCI functions are asked for once more. */
const FUNCTIONS_AGAIN = 4;

export class Link {
	private looks = 0;
	private asked = 0;
	private known: readonly QemuDevice[] = [];

	private constructor(
		readonly qmp: Qmp,
		/** What QEMU was told to call the machine. */
		readonly name: string,
		readonly version: Version,
		readonly place: UnitPlace,
		public pages: TablePages,
		private table: number,
	) {}

	/**
	 * `signal` ends the connection, whenever it comes.
	 * @throws UserError where there is no QEMU, or none that can be looked at
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
	 * Where the tables begin elsewhere than before, a kernel has taken over from the firmware, or the firmware from it:
	 * what lies below 1 MiB is another, and the memory is opened anew. So it is, too, if its file can be read by now.
	 */
	async follow(table: number): Promise<void> {
		const moved = table !== this.table;
		const due = !this.pages.memory.inPlace && ++this.looks % TRY_AGAIN === 0;
		if (moved) this.asked = 0;
		if (!moved && !due) return;
		const memory = await openMemory(this.qmp, table);
		if (!moved && !memory.inPlace) return;
		this.pages.memory.close();
		this.pages = new TablePages(memory);
		this.table = table;
	}

	/** Functions are others only where buses are numbered or a card is plugged: they are not asked for at each look. */
	async functions(): Promise<readonly QemuDevice[]> {
		if (this.asked++ % FUNCTIONS_AGAIN === 0) this.known = await pciDevices(this.qmp);
		return this.known;
	}

	close(): void {
		this.pages.memory.close();
		this.qmp.close();
	}
}
