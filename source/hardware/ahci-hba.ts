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

export class AhciHba {
	/** Port registers: command list base, and the task file status of the last command. */
	commandList = 0;
	taskFile = ahci.STATUS_OK;
	probe: Probe = () => {};
	/** Where dropped bytes of a read end: inside the device. Page-aligned, as O_DIRECT asks. */
	readonly #fifo = pageAligned(PAGE_SIZE);
	readonly #count = new DataView(new ArrayBuffer(4));
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
		const header = this.port.read(headerAt, ahci.COMMAND_HEADER_BYTES);
		const dw0 = header?.getUint32(ahci.HEADER.DW0, true) ?? 0;
		const prds = dw0 >>> 16;
		const table =
			header && this.port.read(address(header, ahci.HEADER.CTBA), ahci.PRDT + prds * ahci.PRD_BYTES);
		if (table === undefined) {
			this.#finish(headerAt, 0, 0, 'the command could not be fetched');
			return;
		}

		const command = ahci.fisCommand(table.getUint32(0, true));
		const write = command === ahci.ATA_WRITE_DMA_EXT;
		if (!write && command !== ahci.ATA_READ_DMA_EXT) {
			this.#finish(headerAt, 0, 0, `ATA command 0x${command.toString(16)} is not known`);
			return;
		}
		const parts = this.#parts(table, prds, write);
		const offset = ahci.fisLba(table.getUint32(4, true), table.getUint32(8, true)) * SECTOR;
		const dropped = parts.reduce((sum, part) => sum + (part.memory ? 0 : part.length), 0);
		const described = parts.reduce((sum, part) => sum + part.length, 0);
		if (described !== ahci.fisSectors(table.getUint32(12, true)) * SECTOR) {
			this.#finish(
				headerAt,
				0,
				dropped,
				`the PRDs hold ${described} bytes, another count than the command's`,
			);
			return;
		}
		try {
			const [wanted, moved] = write ? this.#toDisk(parts, offset) : this.#fromDisk(parts, offset);
			const end = moved < wanted ? `the disk ended after ${moved} of ${wanted} bytes` : undefined;
			this.#finish(headerAt, end ? moved : moved + (write ? dropped : 0), dropped, end);
		} catch (error) {
			this.#finish(headerAt, 0, dropped, messageOf(error));
		}
	}

	#parts(table: DataView, prds: number, write: boolean): Part[] {
		const parts: Part[] = [];
		for (let i = 0; i < prds; i++) {
			const prd = ahci.PRDT + i * ahci.PRD_BYTES;
			const bytes = (table.getUint32(prd + ahci.PRD.DBC, true) & 0x3fffff) + 1;
			// A disk read writes memory, and a disk write reads it.
			this.port.access(address(table, prd + ahci.PRD.DBA), bytes, !write, (memory, length) => {
				parts.push({memory, length});
			});
		}
		return parts;
	}

	/** One preadv into the pages. What the IOMMU refused is read too, as the device does, and goes nowhere. */
	#fromDisk(parts: readonly Part[], offset: number): [wanted: number, moved: number] {
		const views = parts.map(({memory, length}) => memory ?? this.#fifo.subarray(0, length));
		const wanted = parts.reduce((sum, part) => sum + part.length, 0);
		this.#direct = this.disk.isDirect(views, offset);
		return [wanted, views.length === 0 ? 0 : this.disk.readv(views, offset)];
	}

	/**
	 * pwritev from the pages that could be read. What a device writes for a page it could not read is its own
	 * affair ("data may be bogus"); here those sectors are left as they were, so that no disk is harmed.
	 */
	#toDisk(parts: readonly Part[], offset: number): [wanted: number, moved: number] {
		let wanted = 0;
		let moved = 0;
		let at = offset;
		for (let i = 0; i < parts.length; ) {
			const run: Uint8Array[] = [];
			let length = 0;
			for (let part = parts[i]; i < parts.length && part.memory; part = parts[i]) {
				run.push(part.memory);
				length += part.length;
				i++;
			}
			if (run.length > 0) {
				this.#direct = this.disk.isDirect(run, at);
				moved += this.disk.writev(run, at);
			}
			wanted += length;
			at += length;
			if (i < parts.length && !parts[i].memory) at += parts[i++].length;
		}
		return [wanted, moved];
	}

	#finish(headerAt: number, bytes: number, dropped: number, error: string | undefined): void {
		this.taskFile = error === undefined ? ahci.STATUS_OK : ahci.STATUS_ERROR;
		this.#count.setUint32(0, bytes, true);
		this.port.write(headerAt + ahci.HEADER.PRDBC, new Uint8Array(this.#count.buffer));
		this.probe({at: 'hba', name: 'HBA', bytes, dropped, direct: this.#direct, error});
	}
}

const address = (view: DataView, at: number): number =>
	join64(view.getUint32(at, true), view.getUint32(at + 4, true));
