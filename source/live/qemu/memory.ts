// A guest's physical memory, read from outside while the guest runs: from its file where the file is shared, else page by
// page through the monitor.

import fs from 'node:fs';
import {openRegular} from '../../files.js';
import {PAGE_SIZE} from '../../formats/address.js';
import type {PhysicalReader} from '../../machine/tables.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {memoryMap, type RamBlock, type Region, ramBlocks} from './layout.js';
import {fields, list, printedPage, type Qmp, text} from './qmp.js';

export interface GuestMemory extends PhysicalReader {
	readonly blocks: readonly RamBlock[];
	/** How the memory is read, as a sentence. */
	readonly how: string;
	/** Whether it is read from its file. */
	readonly inPlace: boolean;
	/**
	 * Fills the words of a page; false where there is no memory.
	 * @throws UserError if memory cannot be read
	 */
	readPage(gpa: number, words: Uint32Array): boolean | Promise<boolean>;
	close(): void;
}

/**
 * Opens the memory in place where possible. A path may lead elsewhere here than in QEMU's container, so the file's
 * content at `probe`, a page of the guest, is compared with what QEMU itself reads there.
 */
export async function openMemory(qmp: Qmp, probe: number): Promise<GuestMemory> {
	const regions = await memoryMap(qmp);
	const monitor = new MonitorRam(qmp, regions, '');
	let why: string;
	try {
		const ram = await GuestRam.open(qmp);
		const isSame = await samePage(ram, monitor, probe).catch((error: unknown) => {
			ram.close();
			throw error;
		});
		if (isSame) return ram;
		ram.close();
		why = 'The guest’s memory file is not the one that QEMU has open.';
	} catch (error) {
		why = messageOf(error);
	}
	return new MonitorRam(qmp, regions, why);
}

/** A running guest may write between the two reads, but not every time. */
async function samePage(ram: GuestRam, monitor: MonitorRam, page: number): Promise<boolean> {
	const [ours, theirs] = [new Uint32Array(1024), new Uint32Array(1024)];
	for (let tries = 0; tries < 5; tries++) {
		if (!ram.readPage(page, ours) || !(await monitor.readPage(page, theirs))) return false;
		if (ours.every((word, i) => word === theirs[i])) return true;
	}
	return false;
}

const MEND = 'start QEMU with -object memory-backend-file,id=m0,share=on,… and -machine memory-backend=m0';

export class GuestRam implements GuestMemory {
	readonly how: string;
	readonly inPlace = true;
	private readonly file: number;
	private closed = false;

	private constructor(
		private readonly path: string,
		readonly blocks: readonly RamBlock[],
	) {
		this.how = `The guest’s memory is read from ${path}.`;
		try {
			this.file = openRegular(path, {mend: MEND});
		} catch (error) {
			if (error instanceof UserError) throw error;
			const refused = ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '');
			throw new UserError(
				refused
					? `${path}: permission denied; run dmascope as the user who runs QEMU, or as root.`
					: `${path} cannot be read: ${messageOf(error)}.`,
			);
		}
	}

	/** @throws UserError if the guest's memory is not in a shared file */
	static async open(qmp: Qmp): Promise<GuestRam> {
		const backends = list(await qmp.execute('query-memdev')).map(fields);
		const {name, path} = await backingFile(qmp, backends);
		const regions = await memoryMap(qmp);
		const blocks = ramBlocks(regions, name);
		const others = new Set(backends.map(({id}) => text(id)).filter(id => id !== '' && id !== name));
		if (ramBlocks(regions.filter(region => others.has(region.name))).length > 0)
			throw new UserError(
				'The guest’s memory is in several backends; give it a single one to read it from its file.',
			);
		if (blocks.length === 0) throw new UserError(`${path} holds none of the guest’s memory; ${MEND}.`);
		return new GuestRam(path, blocks);
	}

	/** Undefined also where the file can no longer be read. */
	page(gpa: number): Uint32Array | undefined {
		const words = new Uint32Array(PAGE_SIZE / 4);
		try {
			return this.readPage(gpa, words) ? words : undefined;
		} catch {
			return undefined;
		}
	}

	readPage(gpa: number, words: Uint32Array): boolean {
		return this.read(gpa, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
	}

	/**
	 * Fills `bytes` from an address on; false if part of the range is not memory. @throws UserError if the file is
	 * too short
	 */
	read(gpa: number, bytes: Uint8Array): boolean {
		const block = this.blocks.find(each => gpa >= each.gpa && gpa + bytes.length <= each.gpa + each.bytes);
		if (block === undefined || this.closed) return false;
		let count: number;
		try {
			count = fs.readSync(this.file, bytes, 0, bytes.length, block.offset + gpa - block.gpa);
		} catch (error) {
			throw new UserError(`${this.path} can no longer be read: ${messageOf(error)}.`);
		}
		if (count !== bytes.length)
			throw new UserError(
				`${this.path} is shorter than the guest's memory; do not truncate it while QEMU runs.`,
			);
		return true;
	}

	close(): void {
		// The descriptor may be reused for another file from now on.
		this.closed = true;
		fs.closeSync(this.file);
	}
}

/** The memory backend that is a shared file. @throws UserError without one */
async function backingFile(
	qmp: Qmp,
	backends: readonly Record<string, unknown>[],
): Promise<{name: string; path: string}> {
	for (const backend of backends) {
		const name = text(backend.id);
		if (name === '') continue;
		const property = (property: string) => qmp.execute('qom-get', {path: `/objects/${name}`, property});
		if (text(await property('type')) !== 'memory-backend-file') continue;
		const path = text(await property('mem-path'));
		if (backend.share !== true) throw new UserError(`${path} is not shared with QEMU; add share=on.`);
		return {name, path};
	}
	throw new UserError(`The guest's memory is not in a file; ${MEND}.`);
}

export class MonitorRam implements GuestMemory {
	readonly blocks: readonly RamBlock[];
	readonly how: string;
	readonly inPlace = false;

	/** @param why the memory is not read in place */
	constructor(
		private readonly qmp: Qmp,
		regions: readonly Region[],
		why: string,
	) {
		// Anything but RAM belongs to a device, and reading it may have side effects.
		this.blocks = ramBlocks(regions);
		this.how = `The guest’s memory is read through QEMU’s monitor, which is slow: only the tables are read. ${why}`;
	}

	/** The monitor answers later: a page is shown as last read. */
	page(): undefined {
		return undefined;
	}

	async readPage(gpa: number, words: Uint32Array): Promise<boolean> {
		const bytes = words.length * 4;
		if (!this.blocks.some(each => gpa >= each.gpa && gpa + bytes <= each.gpa + each.bytes)) return false;
		await printedPage(this.qmp, gpa, words);
		return true;
	}

	/** The connection belongs to the link. */
	close(): void {}
}
