// A guest's physical memory, read from the file that backs it while the guest runs.

import fs from 'node:fs';
import {PAGE_SIZE} from '../formats/address.js';
import type {PhysicalReader} from '../seam/observed.js';
import {messageOf, UserError} from '../user-error.js';
import {memoryMap, type Region} from './memory-map.js';
import {fields, list, type Qmp, text} from './qmp.js';

/** Guest RAM that lies together, at a GPA and in the file. */
export type RamBlock = {gpa: number; bytes: number; offset: number};

const MEND = 'start QEMU with -object memory-backend-file,id=m0,share=on,… and -machine memory-backend=m0';

export class GuestRam implements PhysicalReader {
	readonly #file: number;

	private constructor(
		path: string,
		readonly blocks: readonly RamBlock[],
	) {
		try {
			this.#file = fs.openSync(path, 'r');
		} catch (error) {
			throw new UserError(`The guest's memory cannot be read: ${messageOf(error)}.`);
		}
	}

	/** @throws UserError where the guest's memory is in no file that can be shared. */
	static async open(qmp: Qmp): Promise<GuestRam> {
		const {name, path} = await backingFile(qmp);
		const blocks = ramBlocks(await memoryMap(qmp), name);
		if (blocks.length === 0) throw new UserError(`No memory of the guest is in ${path}; ${MEND}.`);
		return new GuestRam(path, blocks);
	}

	page(gpa: number): Uint32Array | undefined {
		const words = new Uint32Array(PAGE_SIZE / 4);
		return this.read(gpa, new Uint8Array(words.buffer)) ? words : undefined;
	}

	/** Fills `bytes` from an address on; false where that is not all memory. */
	read(gpa: number, bytes: Uint8Array): boolean {
		const block = this.blocks.find(each => gpa >= each.gpa && gpa + bytes.length <= each.gpa + each.bytes);
		if (block === undefined) return false;
		return fs.readSync(this.#file, bytes, 0, bytes.length, block.offset + gpa - block.gpa) === bytes.length;
	}

	close(): void {
		fs.closeSync(this.#file);
	}
}

/**
 * The blocks of a backend, by address. The firmware's shadow below 1 MiB is the same memory, shown as rom where the
 * chipset has locked it.
 */
export function ramBlocks(regions: readonly Region[], backend: string): RamBlock[] {
	const blocks: RamBlock[] = [];
	for (const {gpa, bytes, kind, name, offset} of regions) {
		if (name !== backend || !(kind === 'ram' || kind === 'rom')) continue;
		const last = blocks[blocks.length - 1];
		const continues = last && last.gpa + last.bytes === gpa && last.offset + last.bytes === offset;
		if (continues) last.bytes += bytes;
		else blocks.push({gpa, bytes, offset});
	}
	return blocks;
}

/** The memory backend that is a shared file. */
async function backingFile(qmp: Qmp): Promise<{name: string; path: string}> {
	for (const backend of list(await qmp.execute('query-memdev')).map(fields)) {
		const name = text(backend.id);
		if (name === '') continue;
		const property = (property: string) => qmp.execute('qom-get', {path: `/objects/${name}`, property});
		if (text(await property('type')) !== 'memory-backend-file') continue;
		const path = text(await property('mem-path'));
		if (backend.share !== true) throw new UserError(`${path} holds no byte of the guest's: add share=on.`);
		return {name, path};
	}
	throw new UserError(`The guest's memory is in no file; ${MEND}.`);
}
