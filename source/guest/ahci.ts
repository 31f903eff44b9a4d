// The guest's AHCI driver, with a command list, a command table per slot and the received FISes in guest memory. Several
// transfers at once are queued (NCQ). Other commands run one after the other, each from its own slot.

import type {AhciHd} from '../bhyve/ahci-hd.js';
import {high32, low32, SECTOR} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {CMD, PX, PX_IS} from '../formats/ahci.js';
import {
	ATA,
	DSM_TRIM,
	ERROR_ABRT,
	IDENTIFY_BYTES,
	LOG,
	LONG_SECTORS,
	TRIM_BYTES,
	TRIM_RANGE_BYTES,
	TRIM_RANGE_SECTORS,
	WORD,
} from '../formats/ata.js';
import type {Vm} from '../kernel/vm.js';
import type {VmMap} from '../kernel/vm-map.js';
import {UserError} from '../user-error.js';
import {grouped} from '../words.js';
import type {Answer, GuestDisk, GuestRequest, Segment} from './driver.js';

/** The driver's structures in guest physical memory. */
const TABLES = 0x80000;
const TABLE_BYTES = 0xc00;
const LIST = 0x98000;
const RECEIVED = 0x98400;
const PAGE = 0x98600;
const TRIMS = 0x9a000;
const MEMORY = {start: TABLES, end: 0x9e000};

const MAX_PRDS = (TABLE_BYTES - ahci.PRDT) / ahci.PRD_BYTES;
/** A command's count has 16 bits. A TRIM has one page of ranges. */
const MAX_SECTORS = 65536;
const MAX_TRIM = (TRIM_BYTES / TRIM_RANGE_BYTES) * TRIM_RANGE_SECTORS;
/** The last slot is for the driver's own commands. */
const OWN_SLOT = ahci.SLOTS - 1;

const COMMANDS = {read: ATA.READ_DMA_EXT, write: ATA.WRITE_DMA_EXT, flush: ATA.FLUSH_CACHE_EXT} as const;
const QUEUED = {read: ATA.READ_FPDMA_QUEUED, write: ATA.WRITE_FPDMA_QUEUED} as const;

/** Why no AHCI command can carry a request; undefined if one can. */
export function ahciProblem({op, sectors, segments}: GuestRequest): string | undefined {
	if (op === 'delete' && sectors > MAX_TRIM)
		return `An ahci-hd TRIM covers at most ${grouped(MAX_TRIM)} sectors; use fewer.`;
	if (op === 'flush' || op === 'delete') return undefined;
	if (segments.some(({gpa, bytes}) => gpa % 2 !== 0 || bytes % 2 !== 0 || bytes === 0))
		return 'A PRD counts words; give each segment an even address and an even length.';
	if (prdsOf(segments).length > MAX_PRDS)
		return `The ahci-hd driver has ${MAX_PRDS} PRDs per command; use fewer segments.`;
	if (sectors < 1 || sectors > MAX_SECTORS)
		return `An ATA command moves 1 to ${grouped(MAX_SECTORS)} sectors, not ${grouped(sectors)}.`;
	return undefined;
}

export class GuestAhci implements GuestDisk {
	readonly model = 'ahci-hd';
	readonly memory = MEMORY;
	readonly maxSegments = MAX_PRDS;
	readonly problem = ahciProblem;
	sectors = 0;
	private readonly map: VmMap;
	private readonly device: AhciHd;
	/** A logical sector's size, in units of 512 bytes. */
	private unit = 1;

	constructor(vm: Vm, device: AhciHd) {
		this.map = vm.map;
		this.device = device;
		this.reset();
	}

	get stopped(): string | undefined {
		return this.device.stopped;
	}

	/** Resets the controller, sets up its memory, and identifies the disk. */
	reset(): void {
		this.map.write(MEMORY.start, new Uint8Array(MEMORY.end - MEMORY.start));
		this.device.write(ahci.HBA.GHC, ahci.GHC.HR);
		this.port(PX.CMD, 0);
		this.port(PX.CLB, LIST);
		this.port(PX.CLBU, 0);
		this.port(PX.FB, RECEIVED);
		this.port(PX.FBU, 0);
		this.start();
		this.readPage(ahci.dmaFis(ATA.IDENTIFY, 0, 0));
		const word = (number: number) => this.map.u16(PAGE + 2 * number);
		const long = word(WORD.SECTOR_SIZE) & LONG_SECTORS;
		const words = word(WORD.LOGICAL_SECTOR_WORDS) + word(WORD.LOGICAL_SECTOR_WORDS + 1) * 0x10000;
		this.unit = long ? (2 * words) / SECTOR : 1;
		const count = [3, 2, 1, 0].reduce((high, i) => high * 0x10000 + word(WORD.SECTORS_48 + i), 0);
		this.sectors = count * this.unit;
	}

	request(request: GuestRequest): Answer {
		return this.batch([request])[0];
	}

	/** Fills all slots at a time. @throws UserError if no command can carry a request */
	batch(requests: readonly GuestRequest[]): Answer[] {
		for (const request of requests) this.check(request);
		const answers: Answer[] = [];
		while (answers.length < requests.length) {
			answers.push(...this.round(requests.slice(answers.length, answers.length + OWN_SLOT)));
		}
		return answers;
	}

	private check(request: GuestRequest): void {
		const problem = ahciProblem(request);
		if (problem !== undefined) throw new UserError(problem);
		if (request.sector % this.unit !== 0 || request.sectors % this.unit !== 0)
			throw new UserError(`The disk has ${this.unit * SECTOR}-byte sectors; use whole ones.`);
	}

	/**
	 * Issues a command in each slot. A failed command stops the port. The driver then restarts the port and issues the
	 * remaining commands again.
	 */
	private round(requests: readonly GuestRequest[]): Answer[] {
		const answers: Answer[] = requests.map(() => undefined);
		const queued = requests.length > 1 && requests.every(({op}) => op === 'read' || op === 'write');
		requests.forEach((request, slot) => {
			this.describe(request, slot, queued);
		});
		for (let waiting = requests.map((_, slot) => slot); waiting.length > 0; ) {
			this.issue(waiting, queued);
			const issued = this.device.read(ahci.PORTS + PX.CI) | this.device.read(ahci.PORTS + PX.SACT);
			if (this.stopped !== undefined) break;
			const text = tfdText(this.device.read(ahci.PORTS + PX.TFD));
			for (const slot of waiting)
				if ((issued & (1 << slot)) === 0) answers[slot] = {ok: true, text: 'TFD 0x50'};
			waiting = waiting.filter(slot => issued & (1 << slot));
			const failed = waiting.length > 0 ? this.failure(queued, text) : undefined;
			if (failed === undefined || !waiting.includes(failed.slot)) break;
			answers[failed.slot] = {ok: false, text: failed.text};
			waiting = waiting.filter(slot => slot !== failed.slot);
		}
		return answers;
	}

	/** Finds the failed command and its error, from the port or the NCQ error log, and restarts the port. */
	private failure(queued: boolean, text: string): {slot: number; text: string} | undefined {
		const current = (this.device.read(ahci.PORTS + PX.CMD) & CMD.CCS) >>> CMD.CCS_SHIFT;
		// Not PxTFD: a queued command that ended after the failed one has overwritten it.
		if ((this.device.read(ahci.PORTS + PX.IS) & PX_IS.TFE) === 0) return undefined;
		this.port(PX.CMD, CMD.FRE);
		this.start();
		if (!queued) return {slot: current, text};
		this.readPage(ahci.dmaFis(ATA.READ_LOG_EXT, LOG.NCQ_ERROR, 1));
		const tfd = this.map.u8(PAGE + 2) | (this.map.u8(PAGE + 3) << 8);
		return {slot: this.map.u8(PAGE) & 0x1f, text: tfdText(tfd)};
	}

	private describe({op, sector, sectors, segments}: GuestRequest, slot: number, queued: boolean): void {
		const lba = sector / this.unit;
		const count = sectors / this.unit;
		if (op === 'delete') {
			const page = TRIMS + slot * TRIM_BYTES;
			this.map.write(page, trimPage(lba, count));
			this.command(slot, ahci.dmaFis(ATA.DATA_SET_MANAGEMENT, 0, 1, DSM_TRIM), [
				{gpa: page, bytes: TRIM_BYTES},
			]);
		} else if (op === 'flush') this.command(slot, ahci.dmaFis(COMMANDS.flush, 0, 0), []);
		else if (queued) this.command(slot, ahci.dmaFis(QUEUED[op], lba, slot << 3, count), segments);
		else this.command(slot, ahci.dmaFis(COMMANDS[op], lba, count), segments);
	}

	/** Writes a command table and its header. */
	private command(slot: number, fis: readonly number[], segments: readonly Segment[]): void {
		const map = this.map;
		const table = TABLES + slot * TABLE_BYTES;
		fis.forEach((dword, i) => {
			map.setU32(table + 4 * i, dword);
		});
		const prds = prdsOf(segments);
		prds.forEach(({gpa, bytes}, i) => {
			const prd = table + ahci.PRDT + i * ahci.PRD_BYTES;
			map.setU32(prd + ahci.PRD.DBA, low32(gpa));
			map.setU32(prd + ahci.PRD.DBAU, high32(gpa));
			map.setU32(prd + ahci.PRD.DBC, bytes - 1);
		});
		const header = LIST + slot * ahci.COMMAND_HEADER_BYTES;
		map.setU32(header + ahci.HEADER.DW0, ahci.FIS_DWORDS | (prds.length << 16));
		map.setU32(header + ahci.HEADER.PRDBC, 0);
		map.setU32(header + ahci.HEADER.CTBA, table);
		map.setU32(header + ahci.HEADER.CTBAU, 0);
	}

	/** Reads a page of information about the disk. */
	private readPage(fis: readonly number[]): void {
		this.command(OWN_SLOT, fis, [{gpa: PAGE, bytes: IDENTIFY_BYTES}]);
		this.issue([OWN_SLOT], false);
	}

	private issue(slots: readonly number[], queued: boolean): void {
		const mask = slots.reduce((bits, slot) => bits | (1 << slot), 0) >>> 0;
		this.port(PX.IS, this.device.read(ahci.PORTS + PX.IS));
		if (queued) this.port(PX.SACT, mask);
		this.port(PX.CI, mask);
	}

	private start(): void {
		this.port(PX.CMD, CMD.FRE | CMD.SUD | CMD.POD | CMD.ST);
	}

	private port(register: number, value: number): void {
		this.device.write(ahci.PORTS + register, value);
	}
}

/** One PRD per segment, or several if it exceeds a PRD's limit. */
function prdsOf(segments: readonly Segment[]): Segment[] {
	return segments.flatMap(({gpa, bytes}) =>
		Array.from({length: Math.ceil(bytes / ahci.PRD_MAX)}, (_, i) => {
			const skip = i * ahci.PRD_MAX;
			return {gpa: gpa + skip, bytes: Math.min(ahci.PRD_MAX, bytes - skip)};
		}),
	);
}

/** A page of TRIM ranges. The unused ones are empty. */
function trimPage(lba: number, sectors: number): Uint8Array {
	const page = new DataView(new ArrayBuffer(TRIM_BYTES));
	for (let at = 0; sectors > 0; at += TRIM_RANGE_BYTES) {
		const count = Math.min(sectors, TRIM_RANGE_SECTORS);
		page.setUint32(at, low32(lba), true);
		page.setUint16(at + 4, high32(lba), true);
		page.setUint16(at + 6, count, true);
		lba += count;
		sectors -= count;
	}
	return new Uint8Array(page.buffer);
}

const tfdText = (tfd: number): string => `TFD 0x${tfd.toString(16)}${(tfd >> 8) & ERROR_ABRT ? ' ABRT' : ''}`;
