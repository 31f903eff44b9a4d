// bhyve's block_if.c: what stands between a device model and its disk. Requests wait in a queue for eight
// workers. A raw device takes no scatter/gather, so one segment goes straight to guest memory, and more than one
// through the worker's buffer; a file takes them all at once.

import {SECTOR} from '../formats/address.js';
import type {Probe} from '../hardware/probe.js';
import {type Backing, type Iovec, MAXPHYS} from '../kernel/physio.js';
import type {VmPages} from '../kernel/vm-page.js';
import type {VmContext} from './vmmapi.js';

export type BlockOp = 'read' | 'write' | 'flush' | 'delete';
/**
 * One request of a device model, with what it wants told when it is done (br_callback). `resid` counts down from
 * the bytes to move, or to delete; a delete has no iovec.
 */
export type BlockRequest = {
	op: BlockOp;
	iov: Iovec[];
	offset: number;
	resid: number;
	done: (error: string | undefined) => void;
};

/** Segments that a request may have: BLOCKIF_IOV_MAX. */
export const BLOCKIF_IOV_MAX = 128;
const BLOCKIF_NUMTHR = 8;
/** BLOCKIF_RING_MAX, and one for each worker. */
export const BLOCKIF_MAXREQ = 128 + BLOCKIF_NUMTHR;
/** Where a flush ends (OFF_MAX): no request continues it. */
const NOWHERE = Number.POSITIVE_INFINITY;

/** A request in the queue. It is free again (BST_FREE) when it is not there. */
type Element = {request: BlockRequest; status: 'BLOCK' | 'PEND' | 'BUSY'; end: number};
/** A thread, and its MAXPHYS buffer once it has touched it. */
type Worker = {name: string; buffer: number | undefined};

export class BlockIf {
	/** D34535's idea: a single segment goes through the buffer too. */
	bounceEverything = false;
	probe?: Probe;
	private readonly ctx: VmContext;
	private readonly backing: Backing;
	private readonly pages: VmPages;
	private readonly workers: Worker[];
	/** In the order that they came in, those that a worker has among them. */
	private queue: Element[] = [];
	private running = false;

	/** `ident` is the slot and the function of the disk's device model. */
	constructor(
		ctx: VmContext,
		backing: Backing,
		pages: VmPages,
		readonly readOnly: boolean,
		ident = '3:0',
	) {
		this.ctx = ctx;
		this.backing = backing;
		this.pages = pages;
		this.workers = Array.from({length: BLOCKIF_NUMTHR}, (_, n) => ({
			name: `blk-${ident}-${n}`,
			buffer: undefined,
		}));
	}

	/** In units of 512 bytes. */
	get sectors(): number {
		return this.backing.mediaBytes / SECTOR;
	}

	get sectorSize(): number {
		return this.backing.sectorSize;
	}

	/** blockif_psectsz; 0 where the disk does not say. */
	get physicalSectorSize(): number {
		return this.backing.stripeSize;
	}

	get canDelete(): boolean {
		return this.backing.canDelete;
	}

	/** blockif_request: queued for the workers. @returns E2BIG where the queue is full. */
	request(request: BlockRequest): string | undefined {
		const queue = this.queue;
		if (queue.length === BLOCKIF_MAXREQ) return 'E2BIG';
		// A request that starts where one in the queue ends waits for it (blockif_enqueue).
		const status = queue.some(({end}) => end === request.offset) ? 'BLOCK' : 'PEND';
		const end = request.op === 'flush' ? NOWHERE : request.offset + sum(request.iov);
		queue.push({request, status, end});
		this.tell();
		return undefined;
	}

	/** blockif_cancel: EBUSY where a worker has it, and it ends as usual; EINVAL where it is not queued. */
	cancel(request: BlockRequest): string | undefined {
		const element = this.queue.find(queued => queued.request === request);
		if (element === undefined) return 'EINVAL';
		if (element.status === 'BUSY') return 'EBUSY';
		this.complete(element);
		return undefined;
	}

	/** Cancels all that can be. */
	cancelAll(): void {
		for (const {request} of [...this.queue]) this.cancel(request);
	}

	/**
	 * The workers' turn (blockif_thr): in each round every one of them takes what is first in line, and then they
	 * do it in the order of their numbers, until nothing is left. What kills the process takes the queue with it.
	 */
	run(): void {
		if (this.running) return;
		this.running = true;
		try {
			while (this.queue.length > 0) this.round();
		} catch (error) {
			this.queue = [];
			this.tell();
			throw error;
		} finally {
			this.running = false;
		}
	}

	private round(): void {
		const taken: Element[] = [];
		for (let n = 0; n < this.workers.length; n++) {
			const element = this.dequeue();
			if (element === undefined) break;
			taken.push(element);
		}
		for (let n = 0; n < taken.length; n++) {
			const {request} = taken[n];
			request.done(this.process(this.workers[n], request));
			this.complete(taken[n]);
		}
	}

	/** blockif_dequeue. */
	private dequeue(): Element | undefined {
		for (const element of this.queue) {
			if (element.status !== 'PEND') continue;
			element.status = 'BUSY';
			this.tell();
			return element;
		}
		return undefined;
	}

	/** blockif_complete: the element is free, and those that waited for it may go. */
	private complete(element: Element): void {
		const queue = this.queue;
		for (let at = queue.indexOf(element); at < queue.length - 1; at++) queue[at] = queue[at + 1];
		queue.pop();
		for (const waiting of queue) {
			if (waiting.status === 'BLOCK' && waiting.request.offset === element.end) waiting.status = 'PEND';
		}
		this.tell();
	}

	private tell(): void {
		if (this.probe === undefined) return;
		const count = (wanted: Element['status']) => this.queue.filter(({status}) => status === wanted).length;
		this.probe({at: 'queue', pending: count('PEND'), busy: count('BUSY'), blocked: count('BLOCK')});
	}

	/** blockif_proc. @returns an errno, or undefined where all went well. */
	private process(worker: Worker, request: BlockRequest): string | undefined {
		switch (request.op) {
			case 'flush':
				return this.backing.flush();
			case 'delete':
				return this.delete(request);
			default:
				return this.transfer(worker, request);
		}
	}

	private delete(request: BlockRequest): string | undefined {
		if (!this.canDelete) return 'EOPNOTSUPP';
		if (this.readOnly) return 'EROFS';
		const errno = this.backing.delete(request.offset, request.resid);
		if (errno === undefined) request.resid = 0;
		return errno;
	}

	private transfer(worker: Worker, request: BlockRequest): string | undefined {
		const {op, iov, offset} = request;
		const write = op === 'write';
		const {geom} = this.backing;
		const bounced = geom && (iov.length > 1 || (iov.length === 1 && this.bounceEverything));
		this.probe?.({
			at: 'block_if',
			worker: worker.name,
			iovec: iov.map(({pointer, bytes}) => ({address: pointer, bytes})),
			path: bounced ? 'bounced' : geom ? 'direct' : 'copied',
		});
		if (write && this.readOnly) return 'EROFS';
		if (bounced) return this.bounced(worker, request, write);
		const {bytes, errno} = this.backing.transfer(this.ctx.process, iov, offset, write);
		if (errno === undefined) request.resid -= bytes;
		return errno;
	}

	/**
	 * Pieces of at most MAXPHYS into the buffer or out of it, and a copy. A short count is no error to bhyve: past
	 * the end of the disk the guest gets what the buffer held before.
	 */
	private bounced(worker: Worker, request: BlockRequest, write: boolean): string | undefined {
		const {iov, offset} = request;
		const buffer = this.bufferOf(worker);
		for (let done = 0; request.resid > 0; ) {
			const length = Math.min(MAXPHYS, request.resid);
			const piece = [{pointer: buffer, bytes: length}];
			if (write) this.copy(buffer, iov, done, length, write);
			const {errno} = this.backing.transfer(this.ctx.process, piece, offset + done, write);
			if (errno !== undefined) return errno;
			if (!write) this.copy(buffer, iov, done, length, write);
			done += length;
			request.resid -= length;
		}
		return undefined;
	}

	/** Each worker calls malloc when it starts; such memory has no pages before it is touched, and so none here. */
	private bufferOf(worker: Worker): number {
		worker.buffer ??= this.ctx.malloc(MAXPHYS, this.pages, `bhyve ${this.ctx.vm.name}`);
		return worker.buffer;
	}

	/** memcpy between the buffer and the part of the iovec that starts `skip` bytes into it. */
	private copy(buffer: number, iov: readonly Iovec[], skip: number, length: number, toBuffer: boolean): void {
		let done = 0;
		for (const {pointer, bytes} of iov) {
			const from = Math.max(0, skip);
			const part = Math.min(bytes - from, length - done);
			skip -= bytes;
			if (part <= 0) continue;
			const [to, source] = toBuffer ? [buffer + done, pointer + from] : [pointer + from, buffer + done];
			this.ctx.process.copy(to, source, part);
			done += part;
		}
		this.probe?.({at: 'copy', bytes: done});
	}
}

export function sum(iov: readonly Iovec[]): number {
	let total = 0;
	for (const {bytes} of iov) total += bytes;
	return total;
}
