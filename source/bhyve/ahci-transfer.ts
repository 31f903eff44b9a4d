// Commands of bhyve's AHCI disk that go on to block_if: transfers, flushes and TRIM (ahci_handle_rw and its
// like in pci_ahci.c). The FIS and the PRDT are read where they lie in guest memory, and read again when a piece
// has ended: a guest may have changed them meanwhile.

import {join64} from '../formats/address.js';
import {HEADER, PRD, PRD_BYTES, PRDT} from '../formats/ahci.js';
import {ATA, SEND_FPDMA_DSM, TFD_ABORTED, TFD_OK, TRIM_BYTES, TRIM_RANGE_BYTES} from '../formats/ata.js';
import type {Extent} from '../hardware/probe.js';
import type {Iovec} from '../kernel/physio.js';
import {accept, answer, answerQueued} from './ahci-answers.js';
import type {AhciPort} from './ahci-port.js';
import {BLOCKIF_IOV_MAX, type BlockRequest} from './block-if.js';
import {aborts, crashes} from './stopped.js';
import {NULL} from './vmmapi.js';

const isQueued = (command: number): boolean =>
	command === ATA.READ_FPDMA_QUEUED ||
	command === ATA.WRITE_FPDMA_QUEUED ||
	command === ATA.SEND_FPDMA_QUEUED;

const WRITES: readonly number[] = [
	ATA.WRITE,
	ATA.WRITE_EXT,
	ATA.WRITE_MULTIPLE,
	ATA.WRITE_MULTIPLE_EXT,
	ATA.WRITE_DMA,
	ATA.WRITE_DMA_EXT,
	ATA.WRITE_FPDMA_QUEUED,
];
const EXTENDED: readonly number[] = [
	ATA.READ_EXT,
	ATA.WRITE_EXT,
	ATA.READ_MULTIPLE_EXT,
	ATA.WRITE_MULTIPLE_EXT,
	ATA.READ_DMA_EXT,
	ATA.WRITE_DMA_EXT,
];

/** ahci_handle_rw: the part of a transfer after its first `done` bytes, as much as one iovec holds. */
export function transfer(port: AhciPort, slot: number, cfis: number, done: number): void {
	const {sectorSize} = port.controller.blockIf;
	const fis = port.ctx.process.read(cfis, 16);
	const {lba, sectors} = placeOf(fis);
	const length = sectors * sectorSize;
	const piece = pieceOf(port, slot, cfis, done, length - done);
	port.controller.probe({at: 'ahci-hd', slot, prds: piece.iov.length, data: piece.data});
	if (isQueued(fis[2]) && done === 0) accept(port, slot);
	issue(port, slot, cfis, {
		op: WRITES.includes(fis[2]) ? 'write' : 'read',
		iov: piece.iov,
		offset: lba * sectorSize + done,
		resid: piece.bytes,
		done: done + piece.bytes,
		more: done + piece.bytes < length && piece.prdsLeft,
	});
}

export function flush(port: AhciPort, slot: number, cfis: number): void {
	issue(port, slot, cfis, {op: 'flush', iov: [], offset: 0, resid: 0, done: 0, more: false});
}

/** ahci_handle_dsm_trim: the next range of the page that is not empty. `done` bytes of the page are behind us. */
export function trim(port: AhciPort, slot: number, cfis: number, done: number): void {
	const {sectorSize} = port.controller.blockIf;
	const fis = port.ctx.process.read(cfis, 16);
	const queued = fis[2] !== ATA.DATA_SET_MANAGEMENT;
	const length = (queued ? (fis[11] << 8) | fis[3] : (fis[13] << 8) | fis[12]) * TRIM_BYTES;
	// Without a PRDT bhyve looks at what its stack holds; here that is zeros.
	const page = new DataView(new ArrayBuffer(TRIM_BYTES));
	copyPrdt(port, slot, cfis, TRIM_BYTES, (pointer, at, bytes) => {
		new Uint8Array(page.buffer).set(port.ctx.process.read(pointer, bytes), at);
	});
	const first = done === 0;
	for (;;) {
		if (done >= TRIM_BYTES) throw crashes(`the TRIM of slot ${slot} grew past its page`);
		const lba = join64(page.getUint32(done, true), page.getUint16(done + 4, true));
		const sectors = page.getUint16(done + 6, true);
		done += TRIM_RANGE_BYTES;
		if (sectors > 0) {
			if (queued && first) accept(port, slot);
			const [offset, resid] = [lba * sectorSize, sectors * sectorSize];
			issue(port, slot, cfis, {op: 'delete', iov: [], offset, resid, done, more: done !== length});
			return;
		}
		if (done >= length) break;
	}
	if (queued && first) accept(port, slot);
	finish(port, slot, cfis, queued, TFD_OK);
	if (!first) port.takeCommands();
}

/** Where a transfer starts on the disk, and how long it is. */
function placeOf(fis: Uint8Array): {lba: number; sectors: number} {
	const low = fis[4] | (fis[5] << 8) | (fis[6] << 16);
	const lba48 = (fis[8] | (fis[9] << 8) | (fis[10] << 16)) * 2 ** 24 + low;
	if (isQueued(fis[2])) return {lba: lba48, sectors: fis[3] | (fis[11] << 8) || 65536};
	if (EXTENDED.includes(fis[2])) return {lba: lba48, sectors: fis[12] | (fis[13] << 8) || 65536};
	return {lba: low + (fis[7] & 0xf) * 2 ** 24, sectors: fis[12] || 256};
}

type Piece = {iov: Iovec[]; data: Extent[]; bytes: number; prdsLeft: boolean};

/**
 * ahci_build_iov: one entry for each PRD, after the first `skip` bytes of the PRDT and for at most `left` more. A
 * PRD may have any length. Where the iovec is full, it ends with a whole sector, and the next one goes on there.
 */
function pieceOf(port: AhciPort, slot: number, cfis: number, skip: number, left: number): Piece {
	const prds = port.prdtl(slot);
	const prdt = new DataView(port.ctx.process.read(cfis + PRDT, prds * PRD_BYTES).buffer);
	const iov: Iovec[] = [];
	const data: Extent[] = [];
	let bytes = 0;
	let i = 0;
	for (; i < prds && iov.length < BLOCKIF_IOV_MAX && left > 0; i++) {
		const prd = i * PRD_BYTES;
		const count = (prdt.getUint32(prd + PRD.DBC, true) & 0x3fffff) + 1;
		if (count <= skip) {
			skip -= count;
			continue;
		}
		const length = Math.min(count - skip, left);
		const gpa = join64(prdt.getUint32(prd + PRD.DBA, true), prdt.getUint32(prd + PRD.DBAU, true)) + skip;
		iov.push({pointer: port.ctx.mapGpa(gpa, length), bytes: length});
		data.push({address: gpa, bytes: length});
		bytes += length;
		left -= length;
		skip = 0;
	}
	if (iov.length === BLOCKIF_IOV_MAX) {
		let extra = bytes % port.controller.blockIf.sectorSize;
		bytes -= extra;
		if (bytes === 0)
			throw aborts(`the first ${BLOCKIF_IOV_MAX} PRDs of slot ${slot} hold less than a sector`);
		while (extra > 0) {
			const last = iov.length - 1;
			const cut = Math.min(extra, iov[last].bytes);
			iov[last].bytes -= cut;
			data[last].bytes -= cut;
			extra -= cut;
			if (iov[last].bytes === 0) {
				iov.pop();
				data.pop();
			}
		}
	}
	return {iov, data, bytes, prdsLeft: i < prds};
}

/** read_prdt and write_prdt: `use` sees the guest's memory piece by piece. @returns the bytes that it held. */
export function copyPrdt(
	port: AhciPort,
	slot: number,
	cfis: number,
	bytes: number,
	use: (pointer: number, at: number, bytes: number) => void,
): number {
	const {process} = port.ctx;
	const prds = port.prdtl(slot);
	let at = 0;
	for (let i = 0; i < prds && at < bytes; i++) {
		const prd = cfis + PRDT + i * PRD_BYTES;
		const count = (process.u32(prd + PRD.DBC) & 0x3fffff) + 1;
		const pointer = port.ctx.mapGpa(join64(process.u32(prd + PRD.DBA), process.u32(prd + PRD.DBAU)), count);
		if (pointer === NULL) throw crashes(`PRD ${i} of slot ${slot} is not in guest memory`);
		const length = Math.min(bytes - at, count);
		use(pointer, at, length);
		at += length;
	}
	return at;
}

/** A part of a command: `done` bytes of it are behind it then, and perhaps `more` before it. */
type Part = Omit<BlockRequest, 'done'> & {done: number; more: boolean};

function issue(port: AhciPort, slot: number, cfis: number, {done, more, ...request}: Part): void {
	port.issue(slot, request, error => partEnded(port, slot, cfis, done, more && error === undefined, error));
}

/** ata_ioreq_cb. */
function partEnded(
	port: AhciPort,
	slot: number,
	cfis: number,
	done: number,
	more: boolean,
	error: string | undefined,
): void {
	const {process} = port.ctx;
	const fis = process.read(cfis, 16);
	if (error === undefined) process.setU32(port.header(slot) + HEADER.PRDBC, done);
	if (more) {
		const send = fis[2] === ATA.SEND_FPDMA_QUEUED && (fis[13] & 0x1f) === SEND_FPDMA_DSM;
		if (send || fis[2] === ATA.DATA_SET_MANAGEMENT) trim(port, slot, cfis, done);
		else transfer(port, slot, cfis, done);
		return;
	}
	finish(port, slot, cfis, isQueued(fis[2]), error === undefined ? TFD_OK : TFD_ABORTED);
	port.takeCommands();
}

function finish(port: AhciPort, slot: number, cfis: number, queued: boolean, tfd: number): void {
	if (queued) answerQueued(port, slot, cfis, tfd);
	else answer(port, slot, cfis, tfd);
	port.pending &= ~(1 << slot);
	port.checkStopped();
}
