// The ATA commands of bhyve's AHCI disk: ahci_handle_cmd in pci_ahci.c.

import {HEADER} from '../formats/ahci.js';
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
} from '../formats/ata.js';
import {setUpPio} from './ahci-answers.js';
import type {AhciPort} from './ahci-port.js';
import {copyPrdt, flush, transfer, trim} from './ahci-transfer.js';

/** Runs the command whose FIS is at `cfis`. @returns the task file that it ends with, unless block_if has it now. */
export function runCommand(port: AhciPort, slot: number, cfis: number): number | undefined {
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
			setUpPio(port);
			writePrdt(port, slot, cfis, port.controller.identify);
			return TFD_OK;
		case ATA.READ_LOG_EXT:
		case ATA.READ_LOG_DMA_EXT:
			return readLog(port, slot, cfis, fis);
		case ATA.SET_FEATURES:
			return knowsFeature(fis[3], fis[12]) ? TFD_OK : TFD_ABORTED;
		case ATA.SET_MULTIPLE:
			return fis[12] <= 128 && (fis[12] & (fis[12] - 1)) === 0 ? TFD_OK : TFD_ABORTED;
		case ATA.CHECK_POWER_MODE:
			// Always on; the answer's count is the FIS's, and bhyve writes it there.
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

/** One page of ranges, by DATA SET MANAGEMENT or by its queued form, is all that is taken. */
function isTrim(fis: Uint8Array): boolean {
	if (fis[2] === ATA.DATA_SET_MANAGEMENT)
		return fis[3] === DSM_TRIM && fis[11] === 0 && fis[12] === 1 && fis[13] === 0;
	const manages = (fis[13] & 0x1f) === SEND_FPDMA_DSM && fis[16] === DSM_TRIM && fis[17] === 0;
	return manages && fis[3] === 1 && fis[11] === 0;
}

/** Of the features that can be set, these are accepted, and change nothing here. */
function knowsFeature(feature: number, count: number): boolean {
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
		// DATA SET MANAGEMENT can be sent queued, and with it TRIM.
		words.setUint32(0, 1, true);
		words.setUint32(4, 1, true);
	}
	if (fis[2] === ATA.READ_LOG_EXT) setUpPio(port);
	writePrdt(port, slot, cfis, page);
	return TFD_OK;
}

/** write_prdt: hands a page to the guest, and the count of its bytes in PRDBC. */
function writePrdt(port: AhciPort, slot: number, cfis: number, page: Uint8Array): void {
	const {process} = port.ctx;
	const held = copyPrdt(port, slot, cfis, page.length, (pointer, at, bytes) => {
		process.write(pointer, page.subarray(at, at + bytes));
	});
	process.setU32(port.header(slot) + HEADER.PRDBC, held);
}
