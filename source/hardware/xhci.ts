// The host's xHCI controller and one USB disk: transfer rings in memory, read and written by DMA (xHCI 1.2, chapter 4),
// and the disk's Bulk-Only Transport behind two bulk endpoints.

import {high32, join64, low32, SECTOR} from '../formats/address.js';
import * as xhci from '../formats/xhci.js';
import {COMPLETION, TRB, TRB_BYTES} from '../formats/xhci.js';
import {messageOf} from '../user-error.js';
import type {Disk} from './disk.js';
import type {DmaPort} from './dma.js';
import {HOST_BUS_ERROR, Media} from './media.js';
import type {Probe} from './probe.js';

type Trb = {at: number; pointer: number; bytes: number};
/** The next transfer's role in the Bulk-Only Transport. */
type Phase =
	| {name: 'command'}
	/** `done` bytes of `bytes` have been transferred, `moved` of them by the disk. */
	| {
			name: 'data';
			tag: number;
			write: boolean;
			offset: number;
			bytes: number;
			done: number;
			moved: number;
			error?: string;
	  }
	| {name: 'status'; tag: number; residue: number; status: number};

/** A ring's dequeue pointer, and the cycle bit of new TRBs. */
class Ring {
	cycle: number = xhci.TRB_CYCLE;
	constructor(public at: number) {}
}

export class Xhci {
	probe?: Probe;
	private readonly media: Media;
	private out = new Ring(0);
	private in = new Ring(0);
	private event = new Ring(0);
	private eventStart = 0;
	private eventEnd = 0;
	private phase: Phase = {name: 'command'};
	/** The TRB last fetched. */
	private readonly fetched = new Uint32Array(4);

	constructor(
		readonly port: DmaPort,
		readonly disk: Disk,
		readonly writeFaults = false,
	) {
		this.media = new Media(disk);
	}

	/** Sets the bus addresses of the bulk endpoints' rings and the event ring. */
	configure(out: number, incoming: number, events: number, eventBytes: number): void {
		this.out = new Ring(out);
		this.in = new Ring(incoming);
		this.event = new Ring(events);
		this.eventStart = events;
		this.eventEnd = events + eventBytes;
		this.phase = {name: 'command'};
	}

	/** A doorbell: runs every transfer that is ready on that endpoint. */
	doorbell(endpoint: 'out' | 'in'): void {
		const ring = endpoint === 'out' ? this.out : this.in;
		for (let td = this.next(ring); td !== undefined; td = this.next(ring)) this.serve(td);
	}

	/** The next transfer: TRBs chained together (4.11.3). */
	private next(ring: Ring): Trb[] | undefined {
		const td: Trb[] = [];
		const words = this.fetched;
		for (;;) {
			if (!this.port.fetch(ring.at, words)) return undefined;
			const control = words[TRB.CONTROL / 4];
			if ((control & xhci.TRB_CYCLE) !== ring.cycle) return undefined;
			const pointer = join64(words[TRB.POINTER / 4], words[TRB.POINTER / 4 + 1]);
			if (xhci.trbType(control) === xhci.TRB_TYPE.LINK) {
				ring.at = pointer;
				if (control & xhci.TRB_TOGGLE) ring.cycle ^= xhci.TRB_CYCLE;
				continue;
			}
			td.push({at: ring.at, pointer, bytes: words[TRB.STATUS / 4] & 0x1ffff});
			ring.at += TRB_BYTES;
			if ((control & xhci.TRB_CHAIN) === 0) return td;
		}
	}

	private serve(td: Trb[]): void {
		const phase = this.phase;
		if (phase.name === 'command') this.command(td);
		else if (phase.name === 'status') this.status(td, phase.tag, phase.residue, phase.status);
		else this.data(td, phase);
	}

	/** A command block wrapper. It describes the next data transfer. */
	private command(td: Trb[]): void {
		const cbw = new DataView(new ArrayBuffer(xhci.CBW_BYTES));
		this.copy(td[0].pointer, cbw, false);
		if (td.length !== 1 || cbw.getUint32(xhci.CBW.SIGNATURE, true) !== xhci.CBW_SIGNATURE) {
			this.complete(td, COMPLETION.STALL, 0);
			return;
		}
		const tag = cbw.getUint32(xhci.CBW.TAG, true);
		const bytes = cbw.getUint32(xhci.CBW.LENGTH, true);
		const opcode = cbw.getUint8(xhci.CBW.CB);
		const {READ_10, WRITE_10, READ_16, WRITE_16} = xhci.SCSI;
		const short = opcode === READ_10 || opcode === WRITE_10;
		const lba = short
			? cbw.getUint32(xhci.CBW.CB + 2)
			: join64(cbw.getUint32(xhci.CBW.CB + 6), cbw.getUint32(xhci.CBW.CB + 2));
		const sectors = short ? cbw.getUint16(xhci.CBW.CB + 7) : cbw.getUint32(xhci.CBW.CB + 10);
		const write = opcode === WRITE_10 || opcode === WRITE_16;
		const known = write || opcode === READ_10 || opcode === READ_16;
		this.phase =
			known && sectors * SECTOR === bytes
				? {name: 'data', tag, write, offset: lba * SECTOR, bytes, done: 0, moved: 0}
				: {name: 'status', tag, residue: bytes, status: xhci.CSW_FAILED};
		this.complete(td, COMPLETION.SUCCESS, 0);
	}

	/** A part of a command's data: the driver cuts it into transfers. After an error the others move nothing. */
	private data(td: Trb[], phase: Extract<Phase, {name: 'data'}>): void {
		const {write, offset, bytes, done} = phase;
		const size = td.reduce((sum, {bytes: length}) => sum + length, 0);
		if (phase.error !== undefined) {
			this.endData({...phase, done: done + size});
			this.complete(td, COMPLETION.STALL, size);
			return;
		}
		this.media.begin();
		for (const {pointer, bytes: length} of td) {
			// A disk read writes memory, and a disk write reads it.
			this.port.access(pointer, length, !write, this.media.add);
		}
		let error: string | undefined;
		try {
			if (write && this.media.dropped > 0 && this.writeFaults) error = HOST_BUS_ERROR;
			else if (write) this.media.toDisk(offset + done);
			else this.media.fromDisk(offset + done);
		} catch (thrown) {
			error = messageOf(thrown);
		}
		const {moved, dropped, direct} = this.media;
		if (moved < size) error ??= `the disk ended after ${done + moved} of ${bytes} bytes`;
		this.probe?.({at: 'hba', name: 'xHCI', bytes: moved, dropped, direct, error});
		this.endData({...phase, done: done + size, moved: phase.moved + moved, error});
		this.complete(td, moved < size ? COMPLETION.SHORT : COMPLETION.SUCCESS, size - moved);
	}

	/** After the last part of the data comes the status. */
	private endData(phase: Extract<Phase, {name: 'data'}>): void {
		const {tag, bytes, done, moved, error} = phase;
		const status = error === undefined ? xhci.CSW_PASSED : xhci.CSW_FAILED;
		this.phase = done < bytes ? phase : {name: 'status', tag, residue: bytes - moved, status};
	}

	private status(td: Trb[], tag: number, residue: number, status: number): void {
		const csw = new DataView(new ArrayBuffer(xhci.CSW_BYTES));
		csw.setUint32(xhci.CSW.SIGNATURE, xhci.CSW_SIGNATURE, true);
		csw.setUint32(xhci.CSW.TAG, tag, true);
		csw.setUint32(xhci.CSW.RESIDUE, residue, true);
		csw.setUint8(xhci.CSW.STATUS, status);
		this.copy(td[0].pointer, csw, true);
		this.phase = {name: 'command'};
		this.complete(td, COMPLETION.SUCCESS, 0);
	}

	/** Posts a transfer event (6.4.2.1). */
	private complete(td: Trb[], code: number, residue: number): void {
		const last = td[td.length - 1];
		const {at, cycle} = this.event;
		this.port.store(at + TRB.POINTER, low32(last.at));
		this.port.store(at + TRB.POINTER + 4, high32(last.at));
		this.port.store(at + TRB.STATUS, ((code << 24) | residue) >>> 0);
		this.port.store(at + TRB.CONTROL, xhci.trbOf(xhci.TRB_TYPE.TRANSFER_EVENT) | cycle);
		this.event.at += TRB_BYTES;
		if (this.event.at >= this.eventEnd) {
			this.event.at = this.eventStart;
			this.event.cycle ^= xhci.TRB_CYCLE;
		}
	}

	/** Copies a Bulk-Only Transport wrapper from or to memory. */
	private copy(iova: number, {buffer, byteLength}: DataView<ArrayBuffer>, write: boolean): void {
		let done = 0;
		this.port.access(iova, byteLength, write, (part, length) => {
			const wrapper = new Uint8Array(buffer, done, length);
			if (write) part?.set(wrapper);
			else if (part) wrapper.set(part);
			done += length;
		});
	}
}
