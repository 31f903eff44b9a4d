// bhyve's block_if.c: what stands between a device model and its disk. A raw device takes no scatter/gather,
// so one segment goes straight to guest memory, and more than one through a buffer of this process.

import {SECTOR} from '../formats/address.js';
import type {Probe} from '../hardware/probe.js';
import {type Iovec, MAXPHYS, type RawDevice} from '../kernel/physio.js';
import type {VmPages} from '../kernel/vm-page.js';
import type {VmContext} from './vmmapi.js';

export type BlockRequest = {op: 'read' | 'write' | 'flush'; iov: Iovec[]; offset: number};

export class BlockIf {
	/** D34535's idea: a single segment goes through the buffer too. */
	bounceEverything = false;
	probe: Probe = () => {};
	readonly #ctx: VmContext;
	readonly #device: RawDevice;
	readonly #readOnly: boolean;
	/** The worker's buffer: MAXPHYS bytes from malloc. */
	readonly #buffer: number;

	constructor(ctx: VmContext, device: RawDevice, pages: VmPages, readOnly: boolean) {
		this.#ctx = ctx;
		this.#device = device;
		this.#readOnly = readOnly;
		this.#buffer = ctx.malloc(MAXPHYS, pages, `bhyve ${ctx.vm.name}`);
	}

	get sectors(): number {
		return this.#device.provider.mediaBytes / SECTOR;
	}

	/** blockif_proc. @returns an errno, or undefined where all went well. */
	process({op, iov, offset}: BlockRequest): string | undefined {
		if (op === 'flush') return undefined;
		const write = op === 'write';
		const bounced = this.bounceEverything || iov.length > 1;
		this.probe({at: 'block_if', iovec: iov.map(({pointer, bytes}) => ({address: pointer, bytes})), bounced});
		if (write && this.#readOnly) return 'EROFS';
		if (bounced) return this.#bounced(iov, offset, write);
		return this.#device.transfer(this.#ctx.process, iov, offset, write).errno;
	}

	/** Pieces of at most MAXPHYS into the buffer or out of it, and a copy. */
	#bounced(iov: readonly Iovec[], offset: number, write: boolean): string | undefined {
		const total = iov.reduce((sum, {bytes}) => sum + bytes, 0);
		for (let done = 0; done < total; ) {
			const length = Math.min(MAXPHYS, total - done);
			const piece = [{pointer: this.#buffer, bytes: length}];
			if (write) this.#copy(iov, done, length, write);
			const {errno} = this.#device.transfer(this.#ctx.process, piece, offset + done, write);
			if (errno !== undefined) return errno;
			if (!write) this.#copy(iov, done, length, write);
			done += length;
		}
		return undefined;
	}

	/** memcpy between the buffer and the part of the iovec that starts `skip` bytes into it. */
	#copy(iov: readonly Iovec[], skip: number, length: number, toBuffer: boolean): void {
		let done = 0;
		for (const {pointer, bytes} of iov) {
			const from = Math.max(0, skip);
			const part = Math.min(bytes - from, length - done);
			skip -= bytes;
			if (part <= 0) continue;
			const [to, source] = toBuffer
				? [this.#buffer + done, pointer + from]
				: [pointer + from, this.#buffer + done];
			this.#ctx.process.copy(to, source, part);
			done += part;
		}
		this.probe({at: 'copy', bytes: done});
	}
}
