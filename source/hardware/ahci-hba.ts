// The host's AHCI controller. It fetches commands from memory by DMA and moves data between the disk and the
// memory that its PRDs name, each page looked up by the IOMMU (AHCI 1.3.1, chapters 4 and 5).

import {join64, SECTOR} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {messageOf} from '../user-error.js';
import type {Disk} from './disk.js';
import type {DmaPort} from './dma.js';
import {Media} from './media.js';
import type {Probe} from './probe.js';

export class AhciHba {
	/** Port registers: command list base, and the task file status of the last command. */
	commandList = 0;
	taskFile = ahci.STATUS_OK;
	probe: Probe = () => {};
	readonly #media: Media;
	readonly #count = new DataView(new ArrayBuffer(4));

	/** `writeFaults`: a disk write whose memory cannot be read is a host bus error; else, as on many HBAs, nothing is said. */
	constructor(
		readonly port: DmaPort,
		readonly disk: Disk,
		readonly writeFaults = false,
	) {
		this.#media = new Media(disk);
	}

	/** A write to PxCI: runs the command in `slot` and leaves its outcome in PRDBC and the task file. */
	issue(slot: number): void {
		this.#media.begin();
		const headerAt = this.commandList + slot * ahci.COMMAND_HEADER_BYTES;
		const header = this.port.read(headerAt, ahci.COMMAND_HEADER_BYTES);
		const prds = (header?.getUint32(ahci.HEADER.DW0, true) ?? 0) >>> 16;
		const table =
			header && this.port.read(address(header, ahci.HEADER.CTBA), ahci.PRDT + prds * ahci.PRD_BYTES);
		if (table === undefined) {
			this.#finish(headerAt, 0, 'the command could not be fetched');
			return;
		}
		const command = ahci.fisCommand(table.getUint32(0, true));
		if (command !== ahci.ATA_WRITE_DMA_EXT && command !== ahci.ATA_READ_DMA_EXT) {
			this.#finish(headerAt, 0, `ATA command 0x${command.toString(16)} is not known`);
			return;
		}
		this.#move(headerAt, table, prds, command === ahci.ATA_WRITE_DMA_EXT);
	}

	#move(headerAt: number, table: DataView, prds: number, write: boolean): void {
		const media = this.#media;
		for (let prd = ahci.PRDT; prd < ahci.PRDT + prds * ahci.PRD_BYTES; prd += ahci.PRD_BYTES) {
			const bytes = (table.getUint32(prd + ahci.PRD.DBC, true) & 0x3fffff) + 1;
			// A disk read writes memory, and a disk write reads it.
			this.port.access(address(table, prd + ahci.PRD.DBA), bytes, !write, media.add);
		}
		const wanted = ahci.fisSectors(table.getUint32(12, true)) * SECTOR;
		if (media.bytes !== wanted) {
			const error = `the PRDs hold ${media.bytes} bytes, another count than the command's`;
			this.#finish(headerAt, 0, error);
			return;
		}
		if (write && media.dropped > 0 && this.writeFaults) {
			this.#finish(headerAt, 0, 'host bus error, memory of the write could not be read');
			return;
		}
		const offset = ahci.fisLba(table.getUint32(4, true), table.getUint32(8, true)) * SECTOR;
		try {
			const moved = write ? media.toDisk(offset) : media.fromDisk(offset);
			const end = moved < wanted ? `the disk ended after ${moved} of ${wanted} bytes` : undefined;
			this.#finish(headerAt, moved, end);
		} catch (error) {
			this.#finish(headerAt, 0, messageOf(error));
		}
	}

	#finish(headerAt: number, bytes: number, error: string | undefined): void {
		this.taskFile = error === undefined ? ahci.STATUS_OK : ahci.STATUS_ERROR;
		this.#count.setUint32(0, bytes, true);
		this.port.write(headerAt + ahci.HEADER.PRDBC, new Uint8Array(this.#count.buffer));
		const {dropped, direct} = this.#media;
		this.probe({at: 'hba', name: 'HBA', bytes, dropped, direct, error});
	}
}

const address = (view: DataView, at: number): number =>
	join64(view.getUint32(at, true), view.getUint32(at + 4, true));
