// bhyve's pci_virtio_block.c: takes requests from the ring, passes them to block_if, and reports their status.

import {HIGH, high32, low32, SECTOR} from '../formats/address.js';
import {
	BLK,
	BLK_CONFIG,
	BLK_CONFIG_BYTES,
	BLK_DISCARD,
	BLK_DISCARD_BYTES,
	BLK_F,
	BLK_HEADER_BYTES,
	BLK_ID_BYTES,
	BLK_S,
	BLK_T,
	BLK_T_BARRIER,
	RING_F_INDIRECT_DESC,
	VIRTIO_PCI,
} from '../formats/virtqueue.js';
import type {Probe} from '../hardware/probe.js';
import {BLOCKIF_IOV_MAX, type BlockIf, type BlockOp, type BlockRequest, sum} from './block-if.js';
import {aborts, DeviceGuard} from './device-guard.js';
import {type Chain, type Descriptor, VirtioPci, type VirtQueue} from './virtio.js';
import {NULL, type VmContext} from './vmmapi.js';

/** VTBLK_RINGSZ. */
export const RING_SIZE = 128;
/** Header and status take two of the ring's descriptors. Linux panics if a list does not fit into the ring. */
const SEG_MAX = Math.min(RING_SIZE - 2, BLOCKIF_IOV_MAX);
/** VTBLK_MAX_DISCARD_SECT: 16 MiB. */
const MAX_DISCARD = (16 * 1024 * 1024) / SECTOR;
/** VTBLK_S_HOSTCAPS. Without BLK_F_RO, a guest learns only from an error that its disk is read-only. */
const FEATURES = BLK_F.SEG_MAX | BLK_F.BLK_SIZE | BLK_F.FLUSH | BLK_F.TOPOLOGY | RING_F_INDIRECT_DESC;

/** A request that is about to be returned to the guest: nobody but the device uses its buffers yet. */
export type Completion = {head: number; op: BlockOp; offset: number; bytes: number; errno?: string};

export class VirtioBlk {
	probe?: Probe;
	/** Called before the guest gets a request back. */
	completes?: (completion: Completion) => void;
	private readonly guard: DeviceGuard;
	private readonly virtio: VirtioPci;
	readonly features: number;
	readonly config: DataView;
	private interrupt: () => void;
	/** The header of the last request. */
	private readonly header = new Uint32Array(BLK_HEADER_BYTES / 4);

	constructor(
		readonly ctx: VmContext,
		readonly blockIf: BlockIf,
		readonly ident: string,
	) {
		this.guard = new DeviceGuard(`${ctx.vm.name} virtio-blk`, () => blockIf.cancelAll());
		this.features = FEATURES | (blockIf.canDelete ? BLK_F.DISCARD : 0);
		this.config = configOf(blockIf);
		this.virtio = new VirtioPci(ctx, {
			features: this.features,
			queueSize: RING_SIZE,
			config: this.config,
			notify: () => this.notify(),
		});
		this.interrupt = () => this.virtio.interrupt();
	}

	/** Why the device has stopped, if its guest broke it. A reset of the device restarts it. */
	get stopped(): string | undefined {
		return this.guard.stopped;
	}

	/** The guest reads a register of BAR 0. */
	read(offset: number, size: 1 | 2 | 4): number {
		return this.stopped === undefined ? this.virtio.read(offset, size) : 2 ** (8 * size) - 1;
	}

	/** The guest writes a register of BAR 0. All resulting requests are done when this returns. */
	write(offset: number, size: 1 | 2 | 4, value: number): void {
		if (offset === VIRTIO_PCI.STATUS && size === 1 && (value & 0xff) === 0) this.guard.restart();
		this.guard.run(() => this.virtio.write(offset, size, value));
	}

	/** Another transport than BAR 0 has set the queue up, or taken it away; `interrupt`: how that reaches the guest. */
	attach(queue: VirtQueue | undefined, interrupt: () => void): void {
		this.guard.restart();
		this.virtio.queue = queue;
		this.interrupt = interrupt;
	}

	/** A notification by that transport. All resulting requests are done when this returns. */
	kick(): void {
		this.guard.run(() => this.notify());
	}

	/** Whether the guest has put more into the queue since. */
	get waiting(): boolean {
		return this.stopped === undefined && this.virtio.queue?.hasChain() === true;
	}

	/** pci_vtblk_notify. */
	private notify(): void {
		const {queue} = this.virtio;
		while (queue?.hasChain()) this.process(queue.getChain());
		this.blockIf.run();
	}

	/** pci_vtblk_proc: a chain of a header, data and a status byte. */
	private process({head, descriptors, readable, writable}: Chain): void {
		const {length} = descriptors;
		if (length < 2) throw aborts('a chain has only one descriptor');
		if (length > BLOCKIF_IOV_MAX + 2) throw aborts(`a chain has ${length} descriptors`);
		const header = descriptors[0];
		const status = descriptors[length - 1];
		const data = descriptors.slice(1, -1);
		if (readable === 0 || header.bytes !== BLK_HEADER_BYTES) throw aborts('a header is malformed');
		this.ctx.process.words(header.pointer, this.header);
		const type = (this.header[BLK.TYPE / 4] & ~BLK_T_BARRIER) >>> 0;
		const offset = offsetOf(this.header[BLK.SECTOR / 4], this.header[BLK.SECTOR / 4 + 1]);
		if (writable === 0 || status.bytes !== 1) throw aborts('a status descriptor is malformed');
		// A write or discard reads everything except the status. Other requests write everything except the header.
		const expected = type === BLK_T.OUT || type === BLK_T.DISCARD ? readable : writable;
		if (expected !== length - 1) throw aborts('a data descriptor has the wrong direction');

		this.probe?.({
			at: 'virtio-blk',
			head,
			descriptors: length,
			data: data.map(({pointer, bytes}) => ({address: this.ctx.gpaOf(pointer) ?? NULL, bytes})),
		});
		const done = this.done(head, status.pointer, {
			op: type === BLK_T.IN ? 'read' : type === BLK_T.OUT ? 'write' : 'flush',
			offset,
			bytes: type === BLK_T.IN || type === BLK_T.OUT ? sum(data) : 0,
		});
		switch (type) {
			case BLK_T.IN:
				this.request({op: 'read', iov: data, offset, resid: sum(data), done});
				break;
			case BLK_T.OUT:
				this.request({op: 'write', iov: data, offset, resid: sum(data), done});
				break;
			case BLK_T.FLUSH:
			case BLK_T.FLUSH_OUT:
				this.request({op: 'flush', iov: [], offset, resid: 0, done});
				break;
			case BLK_T.DISCARD:
				this.discard(descriptors[1], done);
				break;
			case BLK_T.GET_ID:
				this.identify(descriptors[1]);
				done(undefined);
				break;
			default:
				done('EOPNOTSUPP');
		}
	}

	private request(request: BlockRequest): void {
		if (this.blockIf.request(request) !== undefined) throw aborts('block_if takes no more requests');
	}

	/** Takes one range. As in bhyve it is the descriptor after the header, even if that is the status byte. */
	private discard({pointer, bytes}: Descriptor, done: BlockRequest['done']): void {
		const map = this.ctx.process;
		if (bytes !== BLK_DISCARD_BYTES) done('EINVAL');
		// A discard must not have any flag, including unmap (virtio 1.1, 5.2.6.2).
		else if (map.u32(pointer + BLK_DISCARD.FLAGS) !== 0) done('EOPNOTSUPP');
		else if (map.u32(pointer + BLK_DISCARD.SECTORS) > MAX_DISCARD) done('EINVAL');
		else {
			const sector = pointer + BLK_DISCARD.SECTOR;
			const offset = offsetOf(map.u32(sector), map.u32(sector + 4));
			const resid = map.u32(pointer + BLK_DISCARD.SECTORS) * SECTOR;
			// blockif_enqueue adds up the iovec, so the request ends 16 bytes after its start, not after its range.
			this.request({op: 'delete', iov: [{pointer, bytes}], offset, resid, done});
		}
	}

	/** Writes the serial number and zeros after it. If the buffer is too short, there is no final zero. */
	private identify({pointer, bytes}: Descriptor): void {
		const map = this.ctx.process;
		map.zero(pointer, bytes);
		map.write(pointer, new TextEncoder().encode(this.ident).subarray(0, Math.min(bytes, BLK_ID_BYTES)));
	}

	/** pci_vtblk_done_locked, for one chain. The used ring counts only the status byte, not the data. */
	private done(
		head: number,
		status: number,
		request: Pick<Completion, 'op' | 'offset' | 'bytes'>,
	): BlockRequest['done'] {
		return errno => {
			this.completes?.({head, ...request, errno});
			const unsupported = errno === 'EOPNOTSUPP' || errno === 'ENOSYS';
			const failed = unsupported ? BLK_S.UNSUPP : BLK_S.IOERR;
			this.ctx.process.setU8(status, errno === undefined ? BLK_S.OK : failed);
			const {queue} = this.virtio;
			queue?.release(head, 1);
			if (queue?.endChains()) this.interrupt();
		};
	}
}

/** A sector number as an off_t in bytes. The product wraps, as in C. */
const offsetOf = (low: number, high: number): number => ((high << 9) | (low >>> 23)) * HIGH + low32(low << 9);

/** The configuration of pci_vtblk_init. Geometry and the write-zeroes limits stay 0. */
function configOf({sectors, sectorSize, physicalSectorSize}: BlockIf): DataView {
	const config = new DataView(new ArrayBuffer(BLK_CONFIG_BYTES));
	config.setUint32(BLK_CONFIG.CAPACITY, low32(sectors), true);
	config.setUint32(BLK_CONFIG.CAPACITY + 4, high32(sectors), true);
	config.setUint32(BLK_CONFIG.SEG_MAX, SEG_MAX, true);
	config.setUint32(BLK_CONFIG.BLK_SIZE, sectorSize, true);
	if (physicalSectorSize > sectorSize) {
		// ffsll: the lowest set bit.
		const exponent = 31 - Math.clz32((physicalSectorSize / sectorSize) & -(physicalSectorSize / sectorSize));
		config.setUint8(BLK_CONFIG.PHYSICAL_BLOCK_EXP, exponent);
	}
	config.setUint32(BLK_CONFIG.MAX_DISCARD_SECTORS, MAX_DISCARD, true);
	config.setUint32(BLK_CONFIG.MAX_DISCARD_SEG, 1, true);
	config.setUint32(
		BLK_CONFIG.DISCARD_SECTOR_ALIGNMENT,
		Math.max(sectorSize, physicalSectorSize) / SECTOR,
		true,
	);
	return config;
}
