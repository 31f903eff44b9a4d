// The host's AHCI controller. It fetches commands from memory by DMA and moves data between the disk and the
// memory that its PRDs name, each page looked up by the IOMMU (AHCI 1.3.1, chapters 4 and 5).

import {join64, PAGE_SIZE, SECTOR} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {messageOf} from '../user-error.js';
import type {Disk} from './disk.js';
import type {DmaPort} from './dma.js';
import {pageAligned} from './memory.js';
import type {Probe} from './probe.js';

/** A part of a transfer: where its bytes lie in memory, or undefined where the IOMMU refused the access. */
type Part = {memory: Uint8Array | undefined; length: number};

/** What a command comes to: the bytes it moved, and those of them that went nowhere. */
type Outcome = {bytes: number; dropped: number; error?: string};

const UNFETCHED: Outcome = {bytes: 0, dropped: 0, error: 'the command could not be fetched'};

export class AhciHba {
	/** Port registers: command list base, and the task file status of the last command. */
	commandList = 0;
	taskFile = ahci.STATUS_OK;
	probe?: Probe;
	/** Where dropped bytes of a read end: inside the device. Page-aligned, as O_DIRECT asks. */
	readonly #fifo = pageAligned(PAGE_SIZE);
	/** The 16 bytes last fetched: of a command header, of a FIS, or a PRD. */
	readonly #fetched = new Uint32Array(4);
	/** Whether the command went past the page cache; undefined while nothing has been moved. */
	#direct: boolean | undefined;

	constructor(
		readonly port: DmaPort,
		readonly disk: Disk,
	) {}

	/** A write to PxCI: runs the command in `slot` and leaves its outcome in PRDBC and the task file. */
	issue(slot: number): void {
		this.#direct = undefined;
		const headerAt = this.commandList + slot * ahci.COMMAND_HEADER_BYTES;
		const {bytes, dropped, error} = this.#run(headerAt);
		this.taskFile = error === undefined ? ahci.STATUS_OK : ahci.STATUS_ERROR;
		this.port.store(headerAt + ahci.HEADER.PRDBC, bytes);
		this.probe?.({at: 'hba', bytes, dropped, direct: this.#direct, error});
	}

	#run(headerAt: number): Outcome {
		const words = this.#fetched;
		if (!this.port.fetch(headerAt, words)) return UNFETCHED;
		const prds = words[ahci.HEADER.DW0 / 4] >>> 16;
		// Bits 6:0 are reserved: a table is 128-aligned, and no PRD crosses a page.
		const table = join64((words[ahci.HEADER.CTBA / 4] & ~0x7f) >>> 0, words[ahci.HEADER.CTBAU / 4]);
		if (!this.port.fetch(table, words)) return UNFETCHED;
		const command = ahci.fisCommand(words[0]);
		const offset = ahci.fisLba(words[1], words[2]) * SECTOR;
		const bytes = ahci.fisSectors(words[3]) * SECTOR;
		const write = command === ahci.ATA_WRITE_DMA_EXT;
		if (!write && command !== ahci.ATA_READ_DMA_EXT) {
			return {bytes: 0, dropped: 0, error: `ATA command 0x${command.toString(16)} is not known`};
		}

		const parts = this.#parts(table + ahci.PRDT, prds, write);
		if (parts === undefined) return UNFETCHED;
		let described = 0;
		let dropped = 0;
		for (const {memory, length} of parts) {
			described += length;
			if (memory === undefined) dropped += length;
		}
		if (described !== bytes) {
			const error = `the PRDs hold ${described} bytes, another count than the command's`;
			return {bytes: 0, dropped, error};
		}
		try {
			const wanted = write ? described - dropped : described;
			const moved = write ? this.#toDisk(parts, offset) : this.#fromDisk(parts, offset);
			if (moved === wanted) return {bytes: described, dropped};
			return {bytes: moved, dropped, error: `the disk ended after ${moved} of ${wanted} bytes`};
		} catch (error) {
			return {bytes: 0, dropped, error: messageOf(error)};
		}
	}

	/** What the PRDs name, in order; undefined where one of them cannot be fetched. */
	#parts(table: number, prds: number, write: boolean): Part[] | undefined {
		const parts: Part[] = [];
		const words = this.#fetched;
		for (let i = 0; i < prds; i++) {
			if (!this.port.fetch(table + i * ahci.PRD_BYTES, words)) return undefined;
			const address = join64(words[ahci.PRD.DBA / 4], words[ahci.PRD.DBAU / 4]);
			const bytes = (words[ahci.PRD.DBC / 4] & 0x3fffff) + 1;
			// A disk read writes memory, and a disk write reads it.
			this.port.access(address, bytes, !write, (memory, length) => {
				parts.push({memory, length});
			});
		}
		return parts;
	}

	/** One preadv into the pages. What the IOMMU refused is read too, as the device does, and goes nowhere. */
	#fromDisk(parts: readonly Part[], offset: number): number {
		const views = parts.map(({memory, length}) => memory ?? this.#fifo.subarray(0, length));
		this.#direct = this.disk.isDirect(views, offset);
		return views.length === 0 ? 0 : this.disk.readv(views, offset);
	}

	/**
	 * pwritev from the pages that could be read. What a device writes for a page it could not read is its own
	 * affair ("data may be bogus"); here those sectors are left as they were, so that no disk is harmed.
	 */
	#toDisk(parts: readonly Part[], offset: number): number {
		let moved = 0;
		let at = offset;
		for (let i = 0; i < parts.length; ) {
			const run: Uint8Array[] = [];
			const start = at;
			for (let part = parts[i]; i < parts.length && part.memory; part = parts[i]) {
				run.push(part.memory);
				at += part.length;
				i++;
			}
			if (run.length > 0) {
				this.#direct = this.disk.isDirect(run, start);
				moved += this.disk.writev(run, start);
			}
			if (i < parts.length && !parts[i].memory) at += parts[i++].length;
		}
		return moved;
	}
}
