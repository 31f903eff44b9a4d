// What bhyve's NVMe controller says of itself and of its one namespace: pci_nvme_init_ctrldata and
// pci_nvme_init_nsdata in pci_nvme.c.

import {high32, low32, SECTOR} from '../formats/address.js';
import {CONTROLLER, IDENTIFY_BYTES, MDTS, NAMESPACE, SUPPORTS_DSM} from '../formats/nvme.js';
import type {BlockIf} from './block-if.js';

export const VERSION_1_4 = 0x1_0400;
/** The requests for events that are kept: AERL counts from 0. */
export const EVENT_LIMIT = 4;
export const FIRMWARE = '1.0';
/** FreeBSD's part of the world's identifiers. */
const OUI = [0x58, 0x9c, 0xfc] as const;

export function controllerPage(disk: BlockIf, serial: string): Uint8Array {
	const page = new Uint8Array(IDENTIFY_BYTES);
	const view = new DataView(page.buffer);
	const text = (at: number, bytes: number, value: string) => {
		page.set(new TextEncoder().encode(value.padEnd(bytes)).subarray(0, bytes), at);
	};
	view.setUint16(CONTROLLER.VENDOR, 0xfb5d, true);
	text(CONTROLLER.SERIAL, 20, serial);
	text(CONTROLLER.MODEL, 40, 'bhyve-NVMe');
	text(CONTROLLER.FIRMWARE, 8, FIRMWARE);
	page[CONTROLLER.ARBITRATION_BURST] = 4;
	page.set(OUI, CONTROLLER.OUI);
	page[CONTROLLER.MDTS] = MDTS;
	view.setUint32(CONTROLLER.VERSION, VERSION_1_4, true);
	// Changes of a namespace's attributes; an I/O controller; FORMAT NVM.
	view.setUint32(CONTROLLER.EVENTS, 0x100, true);
	page[CONTROLLER.TYPE] = 1;
	view.setUint16(CONTROLLER.ADMIN_COMMANDS, 0x2, true);
	page[CONTROLLER.ABORT_LIMIT] = 2;
	page[CONTROLLER.EVENT_LIMIT] = EVENT_LIMIT;
	// One slot of firmware, read-only.
	page[CONTROLLER.FIRMWARE_SLOTS] = 0x3;
	view.setUint16(CONTROLLER.WARNING_TEMPERATURE, 0x157, true);
	view.setUint16(CONTROLLER.CRITICAL_TEMPERATURE, 0x157, true);
	view.setUint32(CONTROLLER.SANITIZE, 0x4000_0000, true);
	page[CONTROLLER.SQ_ENTRY] = 0x66;
	page[CONTROLLER.CQ_ENTRY] = 0x44;
	view.setUint32(CONTROLLER.NAMESPACES, 1, true);
	view.setUint16(CONTROLLER.OPTIONAL_COMMANDS, disk.canDelete ? SUPPORTS_DSM : 0, true);
	page[CONTROLLER.FORMAT] = 0x1;
	page[CONTROLLER.WRITE_CACHE] = 0x4;
	return page;
}

export function namespacePage({sectors, sectorSize}: BlockIf): Uint8Array {
	const page = new Uint8Array(IDENTIFY_BYTES);
	const view = new DataView(page.buffer);
	const blocks = (sectors * SECTOR) / sectorSize;
	for (const field of [NAMESPACE.SIZE, NAMESPACE.CAPACITY, NAMESPACE.USED]) {
		view.setUint32(field, low32(blocks), true);
		view.setUint32(field + 4, high32(blocks), true);
	}
	// bhyve hashes the VM's name and the slot into what lies between.
	page.set([...OUI, 0, 0, 0, 0, 1], NAMESPACE.EUI64);
	view.setUint32(NAMESPACE.FORMATS, Math.log2(sectorSize) << 16, true);
	return page;
}
