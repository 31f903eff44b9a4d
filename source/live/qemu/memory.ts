// A guest's physical memory as it is read from outside: in place, where it is a file that is shared; else through the
// monitor, page by page.

import type {PhysicalReader} from '../../machine/tables.js';
import {messageOf} from '../../user-error.js';
import {GuestRam} from './guest-ram.js';
import {memoryMap} from './layout.js';
import {MonitorRam} from './monitor-ram.js';
import type {Qmp} from './qmp.js';

/** Guest RAM that lies together, at a GPA and, where it is in a file, there. */
export type RamBlock = {gpa: number; bytes: number; offset: number};

export interface GuestMemory extends PhysicalReader {
	readonly blocks: readonly RamBlock[];
	/** How it is read, as a sentence. */
	readonly how: string;
	/** Whether that is from its file. */
	readonly inPlace: boolean;
	/**
	 * Fills the words of a page; false where there is none.
	 * @throws UserError where it should be there and cannot be read
	 */
	readPage(gpa: number, words: Uint32Array): boolean | Promise<boolean>;
	close(): void;
}

/**
 * In place, if that can be. `probe` is a page that the guest has: a path may lead elsewhere here than in QEMU's
 * container, so what the file has there is held against what QEMU itself finds.
 */
export async function openMemory(qmp: Qmp, probe: number): Promise<GuestMemory> {
	const regions = await memoryMap(qmp);
	const monitor = new MonitorRam(qmp, regions, '');
	let why: string;
	try {
		const ram = await GuestRam.open(qmp);
		const right = await same(ram, monitor, probe).catch((error: unknown) => {
			ram.close();
			throw error;
		});
		if (right) return ram;
		ram.close();
		why = 'The file of the guest’s memory is not the one that QEMU has open.';
	} catch (error) {
		why = messageOf(error);
	}
	return new MonitorRam(qmp, regions, why);
}

/** A running guest may write between the two looks, but not each time. */
async function same(ram: GuestRam, monitor: MonitorRam, page: number): Promise<boolean> {
	const [ours, theirs] = [new Uint32Array(1024), new Uint32Array(1024)];
	for (let tries = 0; tries < 5; tries++) {
		if (!ram.readPage(page, ours) || !(await monitor.readPage(page, theirs))) return false;
		if (ours.every((word, i) => word === theirs[i])) return true;
	}
	return false;
}
