// A device model that is asked by dmascope itself: its requests go to block_if as the guest's own do, past the ring of a
// guest that runs and knows nothing of them.

import {SECTOR} from '../formats/address.js';
import type {Probe} from '../hardware/probe.js';
import {BLOCKIF_IOV_MAX, type BlockIf, sum} from './block-if.js';
import type {VmContext} from './vmmapi.js';

type Request = {
	op: 'read' | 'write' | 'flush' | 'delete';
	sector: number;
	segments: readonly {gpa: number; bytes: number}[];
	sectors: number;
};

export class DirectDisk {
	readonly model = 'virtio-blk';
	readonly maxSegments = BLOCKIF_IOV_MAX;
	/** It has no rings or tables in guest memory. */
	readonly memory = {start: 0, end: 0};
	readonly stopped = undefined;
	probe?: Probe;

	constructor(
		private readonly ctx: VmContext,
		private readonly blockIf: BlockIf,
	) {}

	get sectors(): number {
		return this.blockIf.sectors;
	}

	readonly problem = ({segments}: Request): string | undefined =>
		segments.length > this.maxSegments
			? `block_if takes at most ${this.maxSegments} segments, not ${segments.length}.`
			: undefined;

	reset(): void {}

	request(request: Request) {
		return this.batch([request])[0];
	}

	batch(requests: readonly Request[]) {
		return requests.map(({op, sector, segments, sectors}) => {
			this.probe?.({at: 'model', data: segments.map(({gpa, bytes}) => ({address: gpa, bytes}))});
			const iov = segments.map(({gpa, bytes}) => ({pointer: this.ctx.pointerOf(gpa, bytes), bytes}));
			let errno: string | undefined = 'EIO';
			const resid = op === 'delete' ? sectors * SECTOR : sum(iov);
			const done = (error: string | undefined) => {
				errno = error;
			};
			this.blockIf.request({op, iov, offset: sector * SECTOR, resid, done});
			this.blockIf.run();
			return {ok: errno === undefined, text: errno === undefined ? 'no error' : errno};
		});
	}
}
