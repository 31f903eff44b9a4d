// The host's AHCI controller. It fetches commands from memory by DMA, and moves data between the disk and the memory in
// its PRDs. The IOMMU translates each page (AHCI 1.3.1, chapters 4 and 5).

import {join64, SECTOR} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {ATA, STATUS, TFD_OK} from '../formats/ata.js';
import {messageOf} from '../user-error.js';
import type {Disk} from './disk.js';
import type {DmaPort} from './dma.js';
import {HOST_BUS_ERROR, Media} from './media.js';
import type {Probe} from './probe.js';

const NOT_FETCHED = 'cannot fetch the command';
const TFD_ERROR = TFD_OK | STATUS.ERR;

export class AhciHba {
	/** Port registers: command list base, and task file data (status) of the last command. */
	commandList = 0;
	taskFile: number = TFD_OK;
	/** Whether the last command failed because its memory could not be read. */
	hostBusError = false;
	probe?: Probe;
	/** Bytes of all commands that the IOMMU refused. */
	dropped = 0;
	private readonly media: Media;
	/** The 16 bytes last fetched: a part of a command header or FIS, or a PRD. */
	private readonly fetched = new Uint32Array(4);

	/** `writeFaults`: a disk write from unreadable memory is a host bus error. Many HBAs report nothing instead. */
	constructor(
		readonly port: DmaPort,
		readonly disk: Disk,
		readonly writeFaults = false,
	) {
		this.media = new Media(disk);
	}

	/** A write to PxCI: runs the command in `slot`, and reports the result in PRDBC and the task file. */
	issue(slot: number): void {
		this.media.begin();
		const headerAt = this.commandList + slot * ahci.COMMAND_HEADER_BYTES;
		const error = this.run(headerAt);
		this.taskFile = error === undefined ? TFD_OK : TFD_ERROR;
		this.hostBusError = error === HOST_BUS_ERROR;
		const {moved, dropped, direct} = this.media;
		this.port.store(headerAt + ahci.HEADER.PRDBC, moved);
		this.dropped += dropped;
		this.probe?.({at: 'hba', name: 'HBA', bytes: moved, dropped, direct, error});
	}

	/** @returns the error, if any */
	private run(headerAt: number): string | undefined {
		const words = this.fetched;
		if (!this.port.fetch(headerAt, words)) return NOT_FETCHED;
		const prds = words[ahci.HEADER.DW0 / 4] >>> 16;
		// Bits 6:0 are reserved: a table is 128-aligned, and no PRD crosses a page.
		const table = join64((words[ahci.HEADER.CTBA / 4] & ~0x7f) >>> 0, words[ahci.HEADER.CTBAU / 4]);
		if (!this.port.fetch(table, words)) return NOT_FETCHED;
		const command = ahci.fisCommand(words[0]);
		const offset = ahci.fisLba(words[1], words[2]) * SECTOR;
		const bytes = ahci.fisSectors(words[3]) * SECTOR;
		const write = command === ATA.WRITE_DMA_EXT;
		if (!write && command !== ATA.READ_DMA_EXT) return `unknown ATA command 0x${command.toString(16)}`;
		if (!this.gather(table + ahci.PRDT, prds, write)) return NOT_FETCHED;
		const media = this.media;
		if (media.bytes !== bytes) return `the PRDs have ${media.bytes} bytes, but the command moves ${bytes}`;
		if (write && media.dropped > 0 && this.writeFaults) return HOST_BUS_ERROR;
		try {
			if (write) media.toDisk(offset);
			else media.fromDisk(offset);
		} catch (error) {
			return messageOf(error);
		}
		return media.moved < bytes ? `the disk ended after ${media.moved} of ${bytes} bytes` : undefined;
	}

	/** Translates the memory in the PRDs, in order. @returns false if a PRD cannot be fetched */
	private gather(table: number, prds: number, write: boolean): boolean {
		const words = this.fetched;
		for (let i = 0; i < prds; i++) {
			if (!this.port.fetch(table + i * ahci.PRD_BYTES, words)) return false;
			const address = join64(words[ahci.PRD.DBA / 4], words[ahci.PRD.DBAU / 4]);
			const bytes = (words[ahci.PRD.DBC / 4] & 0x3fffff) + 1;
			// A disk read writes memory, and a disk write reads it.
			this.port.access(address, bytes, !write, this.media.add);
		}
		return true;
	}
}
