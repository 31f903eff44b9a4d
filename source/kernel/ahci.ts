// The host's ahci(4) driver and its ada disk: puts physical addresses in PRDs and starts the controller.

import {high32, low32, SECTOR} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {ATA, TFD_OK} from '../formats/ata.js';
import type {AhciHba} from '../hardware/ahci-hba.js';
import type {Memory} from '../hardware/memory.js';
import type {Probe} from '../hardware/probe.js';
import {type Bio, errnoFrom, type Provider} from './physio.js';
import type {Run, VmPages} from './vm-page.js';

const SLOT = 0;
/** ADA_DEFAULT_RETRY: CAM tries a failed command so many times more. */
const RETRIES = 4;
const MAX_LOG_LINES = 1000;

export class AhciDisk implements Provider {
	probe?: Probe;
	/** The newest lines of the kernel's log. */
	readonly log: string[] = [];
	private readonly hba: AhciHba;
	private readonly memory: Memory;
	private readonly list: number;
	private readonly table: number;

	constructor(
		readonly name: string,
		hba: AhciHba,
		memory: Memory,
		pages: VmPages,
	) {
		this.hba = hba;
		this.memory = memory;
		// A MAXPHYS transfer that starts inside a page has 257 PRDs, so its command table takes two pages.
		this.list = pages.allocContiguous(1, 'ahci0');
		this.table = pages.allocContiguous(2, 'ahci0');
		hba.commandList = this.list;
	}

	get mediaBytes(): number {
		return this.hba.disk.bytes;
	}

	get writable(): boolean {
		return this.hba.disk.writable;
	}

	/** FLUSH CACHE EXT and DATA SET MANAGEMENT move no memory of the caller, so they involve no IOMMU. */
	flush(): string | undefined {
		return errnoFrom(() => this.hba.disk.flush());
	}

	delete(offset: number, bytes: number): string | undefined {
		return errnoFrom(() => this.hba.disk.trim(offset, bytes));
	}

	/** One bio, one command. @returns the bytes that the controller counted, and whether it reported an error */
	strategy(bio: Bio): {moved: number; error: boolean} {
		const memory = this.memory;
		const prds = segments(bio.pages);
		let bytes = 0;
		let prd = this.table + ahci.PRDT;
		for (const {hpa, bytes: length} of prds) {
			memory.setU32(prd + ahci.PRD.DBA, low32(hpa));
			memory.setU32(prd + ahci.PRD.DBAU, high32(hpa));
			memory.setU32(prd + ahci.PRD.DBC, length - 1);
			prd += ahci.PRD_BYTES;
			bytes += length;
		}
		const lba = bio.offset / SECTOR;
		const command = bio.write ? ATA.WRITE_DMA_EXT : ATA.READ_DMA_EXT;
		const fis = ahci.dmaFis(command, lba, bytes / SECTOR);
		for (let i = 0; i < fis.length; i++) memory.setU32(this.table + 4 * i, fis[i]);
		const header = this.list + SLOT * ahci.COMMAND_HEADER_BYTES;
		const flags = ahci.FIS_DWORDS | (bio.write ? ahci.HEADER_WRITE : 0) | (prds.length << 16);
		memory.setU32(header + ahci.HEADER.DW0, flags);
		memory.setU32(header + ahci.HEADER.PRDBC, 0);
		memory.setU32(header + ahci.HEADER.CTBA, low32(this.table));
		memory.setU32(header + ahci.HEADER.CTBAU, high32(this.table));
		this.probe?.({
			at: 'driver',
			name: 'ahci',
			lba,
			segments: prds.map(({hpa, bytes: length}) => ({address: hpa, bytes: length})),
		});

		this.issue(acbOf(command, lba, bytes / SECTOR));
		return {
			moved: memory.u32(header + ahci.HEADER.PRDBC),
			error: this.hba.taskFile !== TFD_OK,
		};
	}

	/**
	 * Issues the command. If the task file has a host bus error, CAM retries it and logs each attempt (adaerror,
	 * cam_periph_error). Errors of the disk are not retried here: the system below has done so. A controller that raises
	 * PxIS.HBDS alone is not retried either: ahci(4) reports CAM_REQ_INVALID then, which becomes EINVAL.
	 */
	private issue(acb: string): void {
		this.hba.issue(SLOT);
		for (let left = RETRIES; this.hba.hostBusError && left > 0; left--) {
			this.logError(acb, `Retrying command, ${left - 1} more tries remain`);
			this.hba.issue(SLOT);
		}
		if (this.hba.hostBusError) this.logError(acb, 'Error 5, Retries exhausted');
	}

	private logError(acb: string, last: string): void {
		const status = (this.hba.taskFile & 0xff).toString(16);
		for (const line of [
			acb,
			'CAM status: ATA Status Error',
			`ATA status: ${status} (DRDY SERV ERR), error: 00 ()`,
			last,
		])
			this.log.push(`(${this.name}:ahcich0:0:0:0): ${line}`);
		this.log.splice(0, this.log.length - MAX_LOG_LINES);
	}
}

/** ata_op_string and ata_cmd_string: the command block from the command to the count's high byte. */
function acbOf(command: number, lba: number, sectors: number): string {
	const high = Math.floor(lba / 2 ** 24);
	const byte = (value: number, shift: number) => (value >>> shift) & 0xff;
	const bytes = [
		...[command, 0, byte(lba, 0), byte(lba, 8), byte(lba, 16), 0x40],
		...[byte(high, 0), byte(high, 8), byte(high, 16), 0, byte(sectors, 0), byte(sectors, 8)],
	];
	const name = command === ATA.WRITE_DMA_EXT ? 'WRITE_DMA48' : 'READ_DMA48';
	return `${name}. ACB: ${bytes.map(value => value.toString(16).padStart(2, '0')).join(' ')}`;
}

/** Joins physically adjacent pages into one PRD, up to its limit, as bus_dma(9) does. */
function segments(pages: readonly Run[]): Run[] {
	const joined: Run[] = [];
	for (const run of pages) {
		const last = joined.at(-1);
		if (last && last.hpa + last.bytes === run.hpa && last.bytes + run.bytes <= ahci.PRD_MAX)
			joined[joined.length - 1] = {hpa: last.hpa, bytes: last.bytes + run.bytes};
		else joined.push(run);
	}
	return joined;
}
