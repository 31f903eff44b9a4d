// PRPs (physical region pages), which name the memory of an NVMe command, as bhyve's pci_nvme.c reads them.

import {join64, PAGE_SIZE} from '../formats/address.js';
import {MDTS_PAGES, PRP_BYTES, PRPS_PER_PAGE} from '../formats/nvme.js';
import type {Extent} from '../hardware/probe.js';
import type {Iovec} from '../kernel/physio.js';
import {crashes} from './device-guard.js';
import {NULL, type VmContext} from './vmmapi.js';

/** NVME_MAX_IOVEC: the first entry need not start on a page. */
const MAX_IOVEC = MDTS_PAGES + 1;
/** nvme_prp_memcpy copies two pages at most. */
const MAX_COPY = 2 * PAGE_SIZE;

/** An iovec, its guest physical memory, and the number of PRPs. */
export type PrpIovec = {iov: Iovec[]; data: Extent[]; prps: number};

/**
 * nvme_write_read_blockif: PRP1 names memory up to the end of its page. PRP2 names the rest, or a list of PRPs if that is
 * more than a page. The last of a list's 512 entries names the next list, if more than a page is left. bhyve does not
 * check whether the PRPs after the first start at a page. @returns undefined if the iovec is full
 */
export function iovecOf(ctx: VmContext, prp1: number, prp2: number, bytes: number): PrpIovec | undefined {
	const iovec: PrpIovec = {iov: [], data: [], prps: 0};
	const first = Math.min(PAGE_SIZE - (prp1 % PAGE_SIZE), bytes);
	append(ctx, iovec, prp1, first);
	let left = bytes - first;
	if (left > 0 && left <= PAGE_SIZE) append(ctx, iovec, prp2, left);
	else if (left > 0) {
		// PRP2 is like the last entry of a list: it names the next list.
		let prp = prp2;
		for (let at = 0, end = 0; left > 0; at += PRP_BYTES) {
			if (at > 0) prp = entry(ctx, at);
			if (at === end && left > PAGE_SIZE) {
				at = ctx.mapGpa(prp, PAGE_SIZE - (prp % PAGE_SIZE));
				if (at === NULL) throw crashes('a list of PRPs is not in guest memory');
				end = at + (PRPS_PER_PAGE - 1) * PRP_BYTES;
				prp = entry(ctx, at);
			}
			const size = Math.min(left, PAGE_SIZE);
			if (!append(ctx, iovec, prp, size)) return undefined;
			left -= size;
		}
	}
	return iovec;
}

const entry = (ctx: VmContext, pointer: number): number =>
	join64(ctx.process.u32(pointer), ctx.process.u32(pointer + 4));

/**
 * pci_nvme_append_iov_req: adjacent memory extends the last entry. bhyve then maps the entry's start again, but checks
 * only as many bytes as it added. @returns false if the iovec is full
 */
function append(ctx: VmContext, iovec: PrpIovec, gpa: number, bytes: number): boolean {
	const {iov, data} = iovec;
	if (iov.length === MAX_IOVEC) return false;
	iovec.prps++;
	const last = data[data.length - 1];
	if (last !== undefined && last.address + last.bytes === gpa) {
		last.bytes += bytes;
		iov[iov.length - 1] = {pointer: ctx.mapGpa(last.address, bytes), bytes: last.bytes};
	} else {
		data.push({address: gpa, bytes});
		iov.push({pointer: ctx.mapGpa(gpa, bytes), bytes});
	}
	return true;
}

/** nvme_prp_memcpy to the guest. As in bhyve, memory that cannot be written is silently skipped. */
export function writePrp(ctx: VmContext, prp1: number, prp2: number, bytes: Uint8Array): void {
	for (const {pointer, at, length} of spans(ctx, prp1, prp2, bytes.length))
		ctx.process.write(pointer, bytes.subarray(at, at + length));
}

/** nvme_prp_memcpy from the guest. Memory that cannot be read becomes zeros. */
export function readPrp(ctx: VmContext, prp1: number, prp2: number, bytes: number): Uint8Array {
	const copy = new Uint8Array(bytes);
	for (const {pointer, at, length} of spans(ctx, prp1, prp2, bytes))
		copy.set(ctx.process.read(pointer, length), at);
	return copy;
}

function spans(ctx: VmContext, prp1: number, prp2: number, bytes: number) {
	if (bytes > MAX_COPY) return [];
	const first = Math.min(PAGE_SIZE - (prp1 % PAGE_SIZE), bytes);
	const rest = Math.min(bytes - first, PAGE_SIZE);
	const both = [
		{pointer: ctx.mapGpa(prp1, first), at: 0, length: first},
		{pointer: ctx.mapGpa(prp2, rest), at: first, length: rest},
	];
	const end = both.findIndex(({pointer, length}) => pointer === NULL || length === 0);
	return end < 0 ? both : both.slice(0, end);
}
