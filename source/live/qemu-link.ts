// What it takes to look at a running QEMU: a connection to its monitor, where its IOMMU answers, its memory.

import {openMemory} from './memory.js';
import {findIommu, readUnit, type UnitPlace} from './qemu-iommu.js';
import {fields, printable, Qmp, text} from './qmp.js';
import {TablePages} from './table-pages.js';

export type Link = {
	qmp: Qmp;
	/** What QEMU was told to call the machine. */
	name: string;
	place: UnitPlace;
	pages: TablePages;
	close: () => void;
};

/**
 * `signal` ends the connection, whenever it comes.
 * @throws UserError where there is no QEMU, or none that can be looked at
 */
export async function attach(socket: string, signal: AbortSignal): Promise<Link> {
	const qmp = await Qmp.connect(socket, signal);
	try {
		const place = await findIommu(qmp);
		const {table} = await readUnit(qmp, place);
		const name = printable(text(fields(await qmp.execute('query-name')).name));
		const memory = await openMemory(qmp, table);
		const close = () => {
			memory.close();
			qmp.close();
		};
		return {qmp, name, place, pages: new TablePages(memory), close};
	} catch (error) {
		qmp.close();
		throw error;
	}
}
