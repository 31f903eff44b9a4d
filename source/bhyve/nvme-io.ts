// The I/O commands of bhyve's pci_nvme.c.

import {join64, SECTOR} from '../formats/address.js';
import {
	DEALLOCATE,
	DO_NOT_RETRY,
	IO,
	MDTS_PAGES,
	RANGE,
	RANGE_BYTES,
	RANGES_BYTES,
	SC,
} from '../formats/nvme.js';
import type {Probe} from '../hardware/probe.js';
import type {BlockIf, BlockRequest} from './block-if.js';
import type {DeviceGuard} from './device-guard.js';
import {iovecOf, readPrp} from './nvme-prp.js';
import type {Command, NvmeQueues} from './nvme-queues.js';
import type {VmContext} from './vmmapi.js';

/** NVME_IOSLOTS: the most commands in block_if at a time. */
const SLOTS = 8;
const MAX_BYTES = MDTS_PAGES * 4096;

/** The controller that the I/O commands belong to. */
export type NvmeContext = {
	readonly ctx: VmContext;
	readonly blockIf: BlockIf;
	readonly queues: NvmeQueues;
	readonly probe: Probe;
	readonly guard: DeviceGuard;
};
/** A range of the disk, in bytes. */
type Range = {offset: number; bytes: number};

export class NvmeIo {
	/** For the health log. */
	readonly reads = {commands: 0, sectors: 0};
	readonly writes = {commands: 0, sectors: 0};
	private readonly controller: NvmeContext;
	private readonly busy = new Set<BlockRequest>();

	constructor(controller: NvmeContext) {
		this.controller = controller;
	}

	/** pci_nvme_handle_io_cmd, for one command. */
	run(queue: number, command: Command): void {
		const {queues} = this.controller;
		const code = this.start(queue, command);
		if (code === SC.INVALID_NAMESPACE) queues.complete(queue, command.id, (code << 1) | DO_NOT_RETRY);
		else if (code !== undefined) queues.complete(queue, command.id, code << 1);
	}

	/** FORMAT NVM. @returns a status code, or undefined while block_if has the request */
	deleteAll(queue: number, id: number): number | undefined {
		const resid = this.controller.blockIf.sectors * SECTOR;
		const issued = this.issue({op: 'delete', iov: [], offset: 0, resid}, error =>
			this.complete(queue, id, error),
		);
		return issued ? undefined : SC.INTERNAL_DEVICE_ERROR;
	}

	/** Withdraws all requests from block_if. */
	cancel(): void {
		for (const request of this.busy) this.controller.blockIf.cancel(request);
		this.busy.clear();
	}

	private start(queue: number, command: Command): number | undefined {
		if (command.nsid !== 1) return SC.INVALID_NAMESPACE;
		switch (command.opcode) {
			case IO.FLUSH:
				return this.flush(queue, command);
			case IO.READ:
			case IO.WRITE:
				return this.transfer(queue, command);
			case IO.WRITE_ZEROES:
				// bhyve reports success and does nothing.
				return SC.SUCCESS;
			case IO.DATASET_MANAGEMENT:
				return this.manage(queue, command);
			default:
				return SC.INVALID_OPCODE;
		}
	}

	private flush(queue: number, {id}: Command): number | undefined {
		const issued = this.issue({op: 'flush', iov: [], offset: 0, resid: 0}, error =>
			this.complete(queue, id, error),
		);
		return issued ? undefined : SC.INTERNAL_DEVICE_ERROR;
	}

	/** nvme_opc_write_read. */
	private transfer(queue: number, {opcode, id, prp1, prp2, cdw}: Command): number | undefined {
		const {ctx, blockIf, probe} = this.controller;
		const tally = opcode === IO.READ ? this.reads : this.writes;
		tally.commands++;
		const bytes = ((cdw[2] & 0xffff) + 1) * blockIf.sectorSize;
		if (bytes > MAX_BYTES) return SC.INVALID_FIELD;
		const offset = join64(cdw[0], cdw[1]) * blockIf.sectorSize;
		if (this.outOfRange({offset, bytes})) return SC.LBA_OUT_OF_RANGE;
		// The lowest two bits of a PRP must be 0, and are ignored.
		const iovec = iovecOf(ctx, prp1 - (prp1 % 4), prp2 - (prp2 % 4), bytes);
		if (iovec === undefined) return SC.DATA_TRANSFER_ERROR;
		const {iov, data, prps} = iovec;
		probe({at: 'nvme', queue, command: id, prps, data});
		const op = opcode === IO.READ ? 'read' : 'write';
		const issued = this.issue({op, iov, offset, resid: bytes}, error => {
			if (error === undefined) tally.sectors += bytes / SECTOR;
			this.complete(queue, id, error);
		});
		return issued ? undefined : SC.DATA_TRANSFER_ERROR;
	}

	/** nvme_opc_dataset_mgmt. A range's length in bytes is truncated to 32 bits. */
	private manage(queue: number, {id, prp1, prp2, cdw}: Command): number | undefined {
		const {ctx, blockIf} = this.controller;
		if (!blockIf.canDelete) return SC.INVALID_OPCODE;
		const list = new DataView(readPrp(ctx, prp1, prp2, RANGES_BYTES).buffer);
		const ranges: Range[] = [];
		let sectors = 0;
		for (let at = 0; at <= (cdw[0] & 0xff) * RANGE_BYTES; at += RANGE_BYTES) {
			const length = list.getUint32(at + RANGE.SECTORS, true);
			const lba = join64(list.getUint32(at + RANGE.LBA, true), list.getUint32(at + RANGE.LBA + 4, true));
			const range = {offset: lba * blockIf.sectorSize, bytes: Math.imul(length, blockIf.sectorSize) >>> 0};
			if (this.outOfRange(range)) return SC.LBA_OUT_OF_RANGE;
			ranges.push(range);
			sectors += length;
		}
		if ((cdw[1] & DEALLOCATE) === 0 || sectors === 0) return SC.SUCCESS;
		return this.delete(queue, id, ranges);
	}

	/** pci_nvme_dealloc_sm, and pci_nvme_io_done for a single range. They report different status codes for an error. */
	private delete(queue: number, id: number, ranges: readonly Range[]): number | undefined {
		const failure = ranges.length > 1 ? SC.INTERNAL_DEVICE_ERROR : SC.DATA_TRANSFER_ERROR;
		const rest = ranges.slice(1).filter(({bytes}) => bytes > 0);
		const issue = ({offset, bytes}: Range): boolean =>
			this.issue({op: 'delete', iov: [], offset, resid: bytes}, error => {
				const next = error === undefined ? rest.shift() : undefined;
				if (next === undefined) this.complete(queue, id, error, failure);
				else if (!issue(next)) this.complete(queue, id, 'E2BIG', failure);
			});
		return issue(ranges[0]) ? undefined : SC.INTERNAL_DEVICE_ERROR;
	}

	/** pci_nvme_out_of_range. */
	private outOfRange({offset, bytes}: Range): boolean {
		const size = this.controller.blockIf.sectors * SECTOR;
		return offset >= size || size - offset < bytes;
	}

	/** Waits for a free slot. @returns whether block_if took the request */
	private issue(part: Omit<BlockRequest, 'done'>, ended: (error: string | undefined) => void): boolean {
		const {blockIf, guard} = this.controller;
		if (this.busy.size === SLOTS) blockIf.run();
		const done = (error: string | undefined) => {
			this.busy.delete(request);
			guard.run(() => ended(error));
		};
		const request = {...part, done};
		const taken = blockIf.request(request) === undefined;
		if (taken) this.busy.add(request);
		return taken;
	}

	/** pci_nvme_io_done. */
	private complete(
		queue: number,
		id: number,
		error: string | undefined,
		failure: number = SC.DATA_TRANSFER_ERROR,
	): void {
		const code = error === undefined ? SC.SUCCESS : failure;
		this.controller.queues.complete(queue, id, code << 1);
	}
}
