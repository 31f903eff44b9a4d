// The ATA commands of bhyve's AHCI disk: ahci_handle_cmd and its helpers in pci_ahci.c. FIS and PRDT are read in guest
// memory, and read again after each part of a command: the guest may have changed them.

import {join64} from '../formats/address.js';
import {HEADER, PRD, PRD_BYTES, PRDT} from '../formats/ahci.js';
import {
	ATA,
	checksum,
	DSM_TRIM,
	FEATURE,
	LOG,
	SATA_ASYNC_NOTIFICATION,
	SEND_FPDMA_DSM,
	TFD_ABORTED,
	TFD_OK,
	TRIM_BYTES,
	TRIM_RANGE_BYTES,
} from '../formats/ata.js';
import type {Extent} from '../hardware/probe.js';
import type {Iovec} from '../kernel/physio.js';
import type {AhciPort} from './ahci-port.js';
import {BLOCKIF_IOV_MAX, type BlockRequest} from './block-if.js';
import {aborts, crashes} from './device-guard.js';
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

/** Executes the command whose FIS is at `cfis`. @returns its task file, or undefined while block_if has it */
export function executeAta(port: AhciPort, slot: number, cfis: number): number | undefined {
	const fis = port.ctx.process.read(cfis, 20);
	switch (fis[2]) {
		case ATA.READ:
		case ATA.READ_EXT:
		case ATA.READ_MULTIPLE:
		case ATA.READ_MULTIPLE_EXT:
		case ATA.READ_DMA:
		case ATA.READ_DMA_EXT:
		case ATA.READ_FPDMA_QUEUED:
		case ATA.WRITE:
		case ATA.WRITE_EXT:
		case ATA.WRITE_MULTIPLE:
		case ATA.WRITE_MULTIPLE_EXT:
		case ATA.WRITE_DMA:
		case ATA.WRITE_DMA_EXT:
		case ATA.WRITE_FPDMA_QUEUED:
			transfer(port, slot, cfis, 0);
			return undefined;
		case ATA.FLUSH_CACHE:
		case ATA.FLUSH_CACHE_EXT:
			flush(port, slot, cfis);
			return undefined;
		case ATA.DATA_SET_MANAGEMENT:
		case ATA.SEND_FPDMA_QUEUED:
			if (!isTrim(fis)) return TFD_ABORTED;
			trim(port, slot, cfis, 0);
			return undefined;
		case ATA.IDENTIFY:
			if (port.prdtl(slot) === 0) return TFD_ABORTED;
			port.setUpPio();
			writePrdt(port, slot, cfis, port.controller.identify);
			return TFD_OK;
		case ATA.READ_LOG_EXT:
		case ATA.READ_LOG_DMA_EXT:
			return readLog(port, slot, cfis, fis);
		case ATA.SET_FEATURES:
			return acceptsFeature(fis[3], fis[12]) ? TFD_OK : TFD_ABORTED;
		case ATA.SET_MULTIPLE:
			return fis[12] <= 128 && (fis[12] & (fis[12] - 1)) === 0 ? TFD_OK : TFD_ABORTED;
		case ATA.CHECK_POWER_MODE:
			// Always active. The reply's count comes from the command's FIS, so bhyve writes it there.
			port.ctx.process.setU8(cfis + 12, 0xff);
			return TFD_OK;
		case ATA.STANDBY:
		case ATA.STANDBY_IMMEDIATE:
		case ATA.IDLE:
		case ATA.IDLE_IMMEDIATE:
		case ATA.SLEEP:
		case ATA.READ_VERIFY:
		case ATA.READ_VERIFY_EXT:
			return TFD_OK;
		default:
			return TFD_ABORTED;
	}
}

/** DATA SET MANAGEMENT and its queued form take exactly one page of ranges. */
function isTrim(fis: Uint8Array): boolean {
	if (fis[2] === ATA.DATA_SET_MANAGEMENT)
		return fis[3] === DSM_TRIM && fis[11] === 0 && fis[12] === 1 && fis[13] === 0;
	const manages = (fis[13] & 0x1f) === SEND_FPDMA_DSM && fis[16] === DSM_TRIM && fis[17] === 0;
	return manages && fis[3] === 1 && fis[11] === 0;
}

/** These features are accepted, and have no effect here. */
function acceptsFeature(feature: number, count: number): boolean {
	if (feature === FEATURE.ENABLE_SATA) return count === SATA_ASYNC_NOTIFICATION;
	return Object.values<number>(FEATURE).includes(feature);
}

/** ahci_handle_read_log: single pages only. */
function readLog(port: AhciPort, slot: number, cfis: number, fis: Uint8Array): number {
	const page = new Uint8Array(512);
	const words = new DataView(page.buffer);
	const log = fis[4];
	const onePage = fis[5] === 0 && fis[9] === 0 && fis[12] === 1 && fis[13] === 0;
	const known = Object.values<number>(LOG).includes(log);
	if (!known || !onePage || port.prdtl(slot) === 0) return TFD_ABORTED;
	if (log === LOG.DIRECTORY) {
		words.setUint16(0, 1, true);
		words.setUint16(2 * LOG.NCQ_ERROR, 1, true);
		words.setUint16(2 * LOG.NCQ_SEND_RECEIVE, 1, true);
	} else if (log === LOG.NCQ_ERROR) {
		page.set(port.errorFis);
		checksum(page);
	} else if (port.controller.blockIf.canDelete && !port.controller.blockIf.readOnly) {
		// DATA SET MANAGEMENT, and so TRIM, can be queued.
		words.setUint32(0, 1, true);
		words.setUint32(4, 1, true);
	}
	if (fis[2] === ATA.READ_LOG_EXT) port.setUpPio();
	writePrdt(port, slot, cfis, page);
	return TFD_OK;
}

/** write_prdt: copies a page to the guest, and its length to PRDBC. */
function writePrdt(port: AhciPort, slot: number, cfis: number, page: Uint8Array): void {
	const {process} = port.ctx;
	const copied = eachPrd(port, slot, cfis, page.length, (pointer, at, bytes) => {
		process.write(pointer, page.subarray(at, at + bytes));
	});
	process.setU32(port.header(slot) + HEADER.PRDBC, copied);
}

/** ahci_handle_rw: starts the next part of a transfer, as much as one iovec holds. `done` bytes are done. */
function transfer(port: AhciPort, slot: number, cfis: number, done: number): void {
	const {sectorSize} = port.controller.blockIf;
	const fis = port.ctx.process.read(cfis, 16);
	const {lba, sectors} = rangeOf(fis);
	const length = sectors * sectorSize;
	const {iov, data, bytes, prdsLeft} = iovecOf(port, slot, cfis, done, length - done);
	port.controller.probe({at: 'ahci-hd', slot, prds: iov.length, data});
	if (isQueued(fis[2]) && done === 0) port.accept(slot);
	issue(port, slot, cfis, {
		op: WRITES.includes(fis[2]) ? 'write' : 'read',
		iov,
		offset: lba * sectorSize + done,
		resid: bytes,
		done: done + bytes,
		more: done + bytes < length && prdsLeft,
	});
}

function flush(port: AhciPort, slot: number, cfis: number): void {
	issue(port, slot, cfis, {op: 'flush', iov: [], offset: 0, resid: 0, done: 0, more: false});
}

/** ahci_handle_dsm_trim: deletes the page's next range that is not empty. `done` bytes of the page are done. */
function trim(port: AhciPort, slot: number, cfis: number, done: number): void {
	const {sectorSize} = port.controller.blockIf;
	const fis = port.ctx.process.read(cfis, 16);
	const queued = fis[2] !== ATA.DATA_SET_MANAGEMENT;
	const length = (queued ? (fis[11] << 8) | fis[3] : (fis[13] << 8) | fis[12]) * TRIM_BYTES;
	// Without a PRDT bhyve reads an uninitialised page on its stack. Here it is zeros.
	const page = new DataView(new ArrayBuffer(TRIM_BYTES));
	eachPrd(port, slot, cfis, TRIM_BYTES, (pointer, at, bytes) => {
		new Uint8Array(page.buffer).set(port.ctx.process.read(pointer, bytes), at);
	});
	const first = done === 0;
	for (;;) {
		if (done >= TRIM_BYTES) throw crashes(`the TRIM of slot ${slot} grew past its page`);
		const lba = join64(page.getUint32(done, true), page.getUint16(done + 4, true));
		const sectors = page.getUint16(done + 6, true);
		done += TRIM_RANGE_BYTES;
		if (sectors > 0) {
			if (queued && first) port.accept(slot);
			const [offset, resid] = [lba * sectorSize, sectors * sectorSize];
			issue(port, slot, cfis, {op: 'delete', iov: [], offset, resid, done, more: done !== length});
			return;
		}
		if (done >= length) break;
	}
	if (queued && first) port.accept(slot);
	port.finish(slot, cfis, queued, TFD_OK);
	if (!first) port.startCommands();
}

/** A transfer's first sector and length. */
function rangeOf(fis: Uint8Array): {lba: number; sectors: number} {
	const low = fis[4] | (fis[5] << 8) | (fis[6] << 16);
	const lba48 = (fis[8] | (fis[9] << 8) | (fis[10] << 16)) * 2 ** 24 + low;
	if (isQueued(fis[2])) return {lba: lba48, sectors: fis[3] | (fis[11] << 8) || 65536};
	if (EXTENDED.includes(fis[2])) return {lba: lba48, sectors: fis[12] | (fis[13] << 8) || 65536};
	return {lba: low + (fis[7] & 0xf) * 2 ** 24, sectors: fis[12] || 256};
}

type PrdtIovec = {iov: Iovec[]; data: Extent[]; bytes: number; prdsLeft: boolean};

/**
 * ahci_build_iov: one entry per PRD, from byte `skip` of the PRDT's memory on, for at most `left` bytes. A PRD may have
 * any length. A full iovec ends at a sector boundary, where the next part continues.
 */
function iovecOf(port: AhciPort, slot: number, cfis: number, skip: number, left: number): PrdtIovec {
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
			throw aborts(`the first ${BLOCKIF_IOV_MAX} PRDs of slot ${slot} have less than a sector`);
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

/** read_prdt and write_prdt: calls `use` for each PRD's memory, up to `bytes`. @returns the bytes visited */
function eachPrd(
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

/** A part of a command. After it, `done` bytes are done, and `more` says whether another part follows. */
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
	port.finish(slot, cfis, isQueued(fis[2]), error === undefined ? TFD_OK : TFD_ABORTED);
	port.startCommands();
}
