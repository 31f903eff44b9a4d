// bhyve's block_if.c, between a device model and its disk: a queue of requests and eight workers. A raw device takes no
// scatter/gather, so a single segment goes straight to guest memory, and several go through the worker's buffer. A file
// takes all segments at once.

import {SECTOR} from '../formats/address.js';
import type {Probe} from '../hardware/probe.js';
import {type Backing, type Iovec, MAXPHYS} from '../kernel/physio.js';
import type {VmPages} from '../kernel/vm-page.js';
import type {VmContext} from './vmmapi.js';

export type BlockOp = 'read' | 'write' | 'flush' | 'delete';
/**
 * A request of a device model and its callback (br_callback). `resid` counts down from the bytes to move or delete. The
 * iovec of a delete is not moved: virtio-blk leaves its own range descriptor there, others nothing.
 */
export type BlockRequest = {
	op: BlockOp;
	iov: Iovec[];
	offset: number;
	resid: number;
	done: (error: string | undefined) => void;
};

/** The most segments in a request. */
export const BLOCKIF_IOV_MAX = 128;
const BLOCKIF_NUMTHR = 8;
/** BLOCKIF_RING_MAX, and one per worker. */
export const BLOCKIF_MAXREQ = 128 + BLOCKIF_NUMTHR;
/** The end of a flush (OFF_MAX): no request starts there. */
const NOWHERE = Number.POSITIVE_INFINITY;

/** A request in the queue. Elements outside the queue are free (BST_FREE). */
type Element = {request: BlockRequest; status: 'BLOCK' | 'PEND' | 'BUSY'; end: number};
/** A thread, and its MAXPHYS buffer after the first use. */
type Worker = {name: string; buffer: number | undefined};

export class BlockIf {
	/** A single segment goes through the buffer too: the natural form of D34535, whose text was not read. */
	bounceEverything = false;
	/** The option `nodelete`. */
	noDelete = false;
	probe?: Probe;
	private readonly ctx: VmContext;
	private readonly backing: Backing;
	private readonly pages: VmPages;
	private readonly workers: Worker[];
	/** In order of arrival, including the requests in work. */
	private queue: Element[] = [];
	private running = false;

	/** `ident` is the slot and function of the disk's device model. */
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

	/** blockif_psectsz; 0 if unknown. */
	get physicalSectorSize(): number {
		return this.backing.stripeSize;
	}

	get canDelete(): boolean {
		return this.backing.canDelete && !this.noDelete;
	}

	/** blockif_request: queues a request for the workers. @returns E2BIG if the queue is full */
	request(request: BlockRequest): string | undefined {
		const queue = this.queue;
		if (queue.length === BLOCKIF_MAXREQ) return 'E2BIG';
		// A request that starts at the end of a queued one waits for it (blockif_enqueue).
		const status = queue.some(({end}) => end === request.offset) ? 'BLOCK' : 'PEND';
		const end = request.op === 'flush' ? NOWHERE : request.offset + sum(request.iov);
		queue.push({request, status, end});
		this.reportQueue();
		return undefined;
	}

	/** blockif_cancel. @returns EBUSY if a worker has the request, which then ends as usual; EINVAL if it is not queued */
	cancel(request: BlockRequest): string | undefined {
		const element = this.queue.find(queued => queued.request === request);
		if (element === undefined) return 'EINVAL';
		if (element.status === 'BUSY') return 'EBUSY';
		this.complete(element);
		return undefined;
	}

	/** Cancels all requests that no worker has. */
	cancelAll(): void {
		for (const {request} of [...this.queue]) this.cancel(request);
	}

	/**
	 * Runs the workers until the queue is empty (blockif_thr). In each round every worker takes the next pending request,
	 * and then they process them in the order of their numbers. A crash of the process loses the queue.
	 */
	run(): void {
		if (this.running) return;
		this.running = true;
		try {
			while (this.queue.length > 0) this.round();
		} catch (error) {
			this.queue = [];
			this.reportQueue();
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
			this.reportQueue();
			return element;
		}
		return undefined;
	}

	/** blockif_complete: frees the element and unblocks the requests that waited for it. */
	private complete(element: Element): void {
		const queue = this.queue;
		for (let at = queue.indexOf(element); at < queue.length - 1; at++) queue[at] = queue[at + 1];
		queue.pop();
		for (const waiting of queue) {
			if (waiting.status === 'BLOCK' && waiting.request.offset === element.end) waiting.status = 'PEND';
		}
		this.reportQueue();
	}

	private reportQueue(): void {
		if (this.probe === undefined) return;
		const count = (wanted: Element['status']) => this.queue.filter(({status}) => status === wanted).length;
		this.probe({at: 'queue', pending: count('PEND'), busy: count('BUSY'), blocked: count('BLOCK')});
	}

	/** blockif_proc. @returns an errno, or undefined on success */
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
	 * Transfers up to MAXPHYS bytes at a time through the buffer, and copies them. bhyve ignores a short count: past the
	 * end of the disk the guest gets the buffer's old contents.
	 */
	private bounced(worker: Worker, request: BlockRequest, write: boolean): string | undefined {
		const {iov, offset} = request;
		const buffer = this.bufferOf(worker);
		for (let done = 0; request.resid > 0; ) {
			const length = Math.min(MAXPHYS, request.resid);
			const single = [{pointer: buffer, bytes: length}];
			if (write) this.copy(buffer, iov, done, length, write);
			const {errno} = this.backing.transfer(
				this.ctx.process,
				single,
				offset + done,
				write,
				write ? 'pwrite' : 'pread',
			);
			if (errno !== undefined) return errno;
			if (!write) this.copy(buffer, iov, done, length, write);
			done += length;
			request.resid -= length;
		}
		return undefined;
	}

	/** Each worker calls malloc when it starts, but memory gets its pages only at the first use. */
	private bufferOf(worker: Worker): number {
		worker.buffer ??= this.ctx.malloc(MAXPHYS, this.pages, `bhyve ${this.ctx.vm.name}`);
		return worker.buffer;
	}

	/** memcpy between the buffer and the iovec, from byte `skip` of the iovec on. */
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
