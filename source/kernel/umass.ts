// The host's umass(4) and da(4) drivers on a USB disk: SCSI commands in bulk transfers. The xHCI controller gets their
// buffers' physical addresses, as bus_dma(9) loads them (sys/dev/usb/controller/xhci.c, storage/umass.c). The disk is a
// SuperSpeed one: at lower speeds umass takes 64 KiB a command (maxio), and a longer bio becomes several.

import {high32, low32, SECTOR} from '../formats/address.js';
import * as xhci from '../formats/xhci.js';
import {TRB, TRB_BYTES} from '../formats/xhci.js';
import type {Memory} from '../hardware/memory.js';
import type {Probe} from '../hardware/probe.js';
import type {Xhci} from '../hardware/xhci.js';
import {type Bio, errnoFrom, type Provider} from './physio.js';
import type {Run, VmPages} from './vm-page.js';

const OWNER = 'xhci0';
/** UMASS_BULK_SIZE: the data of a command moves in transfers of at most so much. */
const BULK_BYTES = 1 << 17;
/** A MAXPHYS transfer of single pages takes 257 TRBs. A ring's last TRB links to its start. */
const RING_TRBS = 512;
const RING_PAGES = (RING_TRBS * TRB_BYTES) / 4096;
const EVENT_TRBS = 256;

/** The producer's side of an endpoint's transfer ring. */
class TransferRing {
	readonly start: number;
	private readonly memory: Memory;
	private next = 0;
	private cycle: number = xhci.TRB_CYCLE;

	constructor(memory: Memory, pages: VmPages) {
		this.memory = memory;
		this.start = pages.allocContiguous(RING_PAGES, OWNER);
	}

	/** Adds a transfer of chained TRBs. The first one's cycle bit, which hands them over, is written last. */
	put(runs: readonly Run[]): void {
		let first: [at: number, control: number] | undefined;
		runs.forEach(({hpa, bytes}, i) => {
			this.wrap(i > 0);
			const at = this.start + this.next * TRB_BYTES;
			const more = i < runs.length - 1 ? xhci.TRB_CHAIN : xhci.TRB_IOC;
			const control = xhci.trbOf(xhci.TRB_TYPE.NORMAL) | more | this.cycle;
			this.memory.setU32(at + TRB.POINTER, low32(hpa));
			this.memory.setU32(at + TRB.POINTER + 4, high32(hpa));
			this.memory.setU32(at + TRB.STATUS, bytes);
			if (first === undefined) first = [at + TRB.CONTROL, control];
			else this.memory.setU32(at + TRB.CONTROL, control);
			this.next++;
		});
		if (first !== undefined) this.memory.setU32(...first);
	}

	/** Writes the link at the ring's end, inside a transfer or between two. */
	private wrap(inside: boolean): void {
		if (this.next < RING_TRBS - 1) return;
		const at = this.start + this.next * TRB_BYTES;
		this.memory.setU32(at + TRB.POINTER, low32(this.start));
		this.memory.setU32(at + TRB.POINTER + 4, high32(this.start));
		const chain = inside ? xhci.TRB_CHAIN : 0;
		const link = xhci.trbOf(xhci.TRB_TYPE.LINK) | xhci.TRB_TOGGLE | chain | this.cycle;
		this.memory.setU32(at + TRB.CONTROL, link);
		this.next = 0;
		this.cycle ^= xhci.TRB_CYCLE;
	}
}

export class UmassDisk implements Provider {
	probe?: Probe;
	private readonly xhci: Xhci;
	private readonly memory: Memory;
	private readonly out: TransferRing;
	private readonly in: TransferRing;
	/** The address of the command wrapper. The status wrapper follows it. */
	private readonly wrappers: number;
	private tag = 0;

	constructor(
		readonly name: string,
		controller: Xhci,
		memory: Memory,
		pages: VmPages,
	) {
		this.xhci = controller;
		this.memory = memory;
		this.out = new TransferRing(memory, pages);
		this.in = new TransferRing(memory, pages);
		this.wrappers = pages.allocContiguous(1, OWNER);
		const events = pages.allocContiguous(1, OWNER);
		controller.configure(this.out.start, this.in.start, events, EVENT_TRBS * TRB_BYTES);
	}

	get mediaBytes(): number {
		return this.xhci.disk.bytes;
	}

	get writable(): boolean {
		return this.xhci.disk.writable;
	}

	/** SYNCHRONIZE CACHE and UNMAP move no memory of the caller, so they involve no IOMMU. */
	flush(): string | undefined {
		return errnoFrom(() => this.xhci.disk.flush());
	}

	delete(offset: number, bytes: number): string | undefined {
		return errnoFrom(() => this.xhci.disk.trim(offset, bytes));
	}

	/** One bio, one SCSI command. @returns the bytes that the disk counted, and whether it reported an error */
	strategy({write, offset, pages}: Bio): {moved: number; error: boolean} {
		const runs = pages.flatMap(withinBoundaries);
		const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
		const lba = offset / SECTOR;
		this.writeCommand(write, lba, bytes);
		this.probe?.({
			at: 'driver',
			name: 'umass',
			lba,
			segments: runs.map(run => ({address: run.hpa, bytes: run.bytes})),
		});
		const csw = this.wrappers + xhci.CBW_BYTES + 1;
		this.out.put([{hpa: this.wrappers, bytes: xhci.CBW_BYTES}]);
		for (const some of inTransfers(runs)) (write ? this.out : this.in).put(some);
		this.in.put([{hpa: csw, bytes: xhci.CSW_BYTES}]);
		this.xhci.doorbell('out');
		this.xhci.doorbell('in');
		const status = this.memory.view(csw, xhci.CSW_BYTES);
		const view = new DataView(status.buffer, status.byteOffset, status.length);
		const good =
			view.getUint32(xhci.CSW.SIGNATURE, true) === xhci.CSW_SIGNATURE &&
			view.getUint32(xhci.CSW.TAG, true) === this.tag &&
			view.getUint8(xhci.CSW.STATUS) === xhci.CSW_PASSED;
		return {moved: good ? bytes - view.getUint32(xhci.CSW.RESIDUE, true) : 0, error: !good};
	}

	private writeCommand(write: boolean, lba: number, bytes: number): void {
		this.tag = (this.tag + 1) >>> 0;
		const page = this.memory.writable(this.wrappers, 64).fill(0);
		const cbw = new DataView(page.buffer, page.byteOffset, page.length);
		cbw.setUint32(xhci.CBW.SIGNATURE, xhci.CBW_SIGNATURE, true);
		cbw.setUint32(xhci.CBW.TAG, this.tag, true);
		cbw.setUint32(xhci.CBW.LENGTH, bytes, true);
		cbw.setUint8(xhci.CBW.FLAGS, write ? 0 : xhci.CBW_IN);
		const short = high32(lba) === 0 && bytes / SECTOR <= 0xffff;
		cbw.setUint8(xhci.CBW.CB_LENGTH, short ? 10 : 16);
		if (short) {
			cbw.setUint8(xhci.CBW.CB, write ? xhci.SCSI.WRITE_10 : xhci.SCSI.READ_10);
			cbw.setUint32(xhci.CBW.CB + 2, lba);
			cbw.setUint16(xhci.CBW.CB + 7, bytes / SECTOR);
			return;
		}
		cbw.setUint8(xhci.CBW.CB, write ? xhci.SCSI.WRITE_16 : xhci.SCSI.READ_16);
		cbw.setUint32(xhci.CBW.CB + 2, high32(lba));
		cbw.setUint32(xhci.CBW.CB + 6, low32(lba));
		cbw.setUint32(xhci.CBW.CB + 10, bytes / SECTOR);
	}
}

/** The parts of a command's data that each transfer moves. */
function inTransfers(runs: readonly Run[]): Run[][] {
	const transfers: Run[][] = [];
	let room = 0;
	for (const run of runs) {
		for (let at = 0; at < run.bytes; ) {
			if (room === 0) {
				transfers.push([]);
				room = BULK_BYTES;
			}
			const bytes = Math.min(room, run.bytes - at);
			transfers[transfers.length - 1].push({hpa: run.hpa + at, bytes});
			at += bytes;
			room -= bytes;
		}
	}
	return transfers;
}

/** Splits a run at the boundaries that a TRB must not cross. */
function withinBoundaries({hpa, bytes}: Run): Run[] {
	const runs: Run[] = [];
	for (let at = hpa; at < hpa + bytes; ) {
		const length = Math.min(xhci.TRB_BOUNDARY - (at % xhci.TRB_BOUNDARY), hpa + bytes - at);
		runs.push({hpa: at, bytes: length});
		at += length;
	}
	return runs;
}
