// bhyve's pci_virtio_block.c: takes requests from the ring, hands them to block_if, and reports their status.

import {SECTOR} from '../formats/address.js';
import {BLK, BLK_HEADER_BYTES, BLK_ID_BYTES, BLK_S, BLK_T} from '../formats/virtqueue.js';
import type {Probe} from '../hardware/probe.js';
import {BadAddress} from '../kernel/vm-map.js';
import type {BlockIf, BlockRequest} from './block-if.js';
import {type Chain, DeviceStopped, VirtQueue} from './virtio.js';
import {NULL, type VmContext} from './vmmapi.js';

/** VTBLK_RINGSZ. */
export const RING_SIZE = 128;

const OPS: Record<number, BlockRequest['op']> = {
	[BLK_T.IN]: 'read',
	[BLK_T.OUT]: 'write',
	[BLK_T.FLUSH]: 'flush',
};

export class VirtioBlk {
	probe: Probe = () => {};
	/** Why the device is no longer served, once a guest has broken its ring. */
	stopped: string | undefined;
	#queue: VirtQueue | undefined;

	constructor(
		readonly ctx: VmContext,
		readonly blockIf: BlockIf,
		readonly ident: string,
	) {}

	get sectors(): number {
		return this.blockIf.sectors;
	}

	/** The guest writes where its queue is; this also resets the device. */
	setQueue(place: {descriptors: number; avail: number; used: number}): void {
		this.stopped = undefined;
		this.#guarded(() => {
			this.#queue = new VirtQueue(this.ctx, RING_SIZE, place);
		});
	}

	/** pci_vtblk_notify. */
	notify(): void {
		this.#guarded(() => {
			for (let chain = this.#queue?.getChain(); chain; chain = this.#queue?.getChain()) this.#process(chain);
		});
	}

	/** Where bhyve would fail an assertion or touch NULL, this one device stops, with a sentence. */
	#guarded(work: () => void): void {
		if (this.stopped !== undefined) return;
		try {
			work();
		} catch (error) {
			if (!(error instanceof DeviceStopped || error instanceof BadAddress)) throw error;
			this.stopped = `${this.ctx.vm.name} virtio-blk stopped: ${error.message}; bhyve would have aborted.`;
		}
	}

	/** pci_vtblk_proc: a header, data, and a status byte, in one chain. */
	#process({head, descriptors}: Chain): void {
		const header = descriptors[0];
		const status = descriptors[descriptors.length - 1];
		const data = descriptors.slice(1, -1);
		if (descriptors.length < 2) throw new DeviceStopped('a chain of one descriptor');
		if (header.bytes !== BLK_HEADER_BYTES || header.deviceWrites)
			throw new DeviceStopped('a malformed header');
		if (status.bytes !== 1 || !status.deviceWrites) throw new DeviceStopped('a malformed status descriptor');

		const map = this.ctx.process;
		const type = map.u32(header.pointer + BLK.TYPE);
		const sector = map.u32(header.pointer + BLK.SECTOR) + map.u32(header.pointer + BLK.SECTOR + 4) * 2 ** 32;
		if (data.some(({deviceWrites}) => deviceWrites === (type === BLK_T.OUT))) {
			throw new DeviceStopped('a data descriptor of the wrong direction');
		}
		const iov = data.map(({pointer, bytes}) => ({pointer, bytes}));
		this.probe({
			at: 'virtio-blk',
			descriptors: descriptors.length,
			data: iov.map(({pointer, bytes}) => ({address: this.ctx.gpaOf(pointer) ?? NULL, bytes})),
		});
		map.setU8(status.pointer, this.#serve(type, iov, sector * SECTOR));
		this.#queue?.release(head, 1);
	}

	#serve(type: number, iov: BlockRequest['iov'], offset: number): number {
		if (type === BLK_T.GET_ID) {
			const id = new Uint8Array(Math.min(BLK_ID_BYTES, iov[0]?.bytes ?? 0));
			new TextEncoder().encodeInto(this.ident, id);
			if (iov.length > 0) this.ctx.process.write(iov[0].pointer, id);
			return BLK_S.OK;
		}
		const op = OPS[type];
		if (op === undefined) return BLK_S.UNSUPP;
		const errno = this.blockIf.process({op, iov, offset});
		if (errno === 'EOPNOTSUPP' || errno === 'ENOSYS') return BLK_S.UNSUPP;
		return errno === undefined ? BLK_S.OK : BLK_S.IOERR;
	}
}
