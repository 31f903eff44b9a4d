// How the disk on a port of bhyve's pci_ahci.c answers: by FISes, and by what they leave in the port's registers.

import * as ahci from '../formats/ahci.js';
import {PX_IS} from '../formats/ahci.js';
import {STATUS, TFD_OK} from '../formats/ata.js';
import type {AhciPort} from './ahci-port.js';
import {hangs} from './stopped.js';

/** PxSSTS: a device, its link up and active; and the third generation's speed where PxSCTL asks for none. */
const SSTS_ONLINE = 0x103;
const SPEED = 0xf0;
const SPEED_GEN3 = 0x40;
/** In the log of NCQ errors: the command that failed was not queued. */
const NOT_QUEUED = 0x80;

/** ahci_write_fis_d2h: a command that is not queued has ended. */
export function answer(port: AhciPort, slot: number, cfis: number, tfd: number): void {
	const fis = ahci.d2hFis(tfd, port.ctx.process.read(cfis + 4, 10));
	fis[1] = ahci.FIS_INTERRUPT_BIT;
	if (tfd & STATUS.ERR) noteError(port, NOT_QUEUED, cfis, tfd);
	else port.ci = (port.ci & ~(1 << slot)) >>> 0;
	port.tfd = tfd;
	port.receive(ahci.RECEIVED.D2H, fis, PX_IS.DHR);
	// Only the FIS that tells of an error keeps the port from taking up what is still issued.
	if (tfd & STATUS.ERR && !port.blocked)
		throw hangs(`the command in slot ${slot} failed without a FIS to say so, and is run again and again`);
}

/** ahci_write_fis_d2h_ncq: a queued command has been accepted, and its slot of PxCI is free. */
export function accept(port: AhciPort, slot: number): void {
	port.tfd = TFD_OK;
	port.ci = (port.ci & ~(1 << slot)) >>> 0;
	port.receive(ahci.RECEIVED.D2H, ahci.d2hFis(TFD_OK), PX_IS.DHR);
}

/** ahci_write_fis_sdb: a queued command has ended. The error byte is in the FIS, and not in PxTFD. */
export function answerQueued(port: AhciPort, slot: number, cfis: number, tfd: number): void {
	const failed = (tfd & STATUS.ERR) !== 0;
	if (failed) noteError(port, slot, cfis, tfd);
	else port.sact = (port.sact & ~(1 << slot)) >>> 0;
	port.tfd = (port.tfd & ~ahci.SDB_STATUS) | (tfd & ahci.SDB_STATUS);
	port.receive(ahci.RECEIVED.SDB, ahci.sdbFis(tfd, failed ? 0 : 1 << slot), PX_IS.SDB);
}

/** ahci_write_fis_piosetup. */
export function setUpPio(port: AhciPort): void {
	const fis = new Uint8Array(ahci.FIS_BYTES);
	fis[0] = ahci.FIS_PIO_SETUP;
	port.receive(ahci.RECEIVED.PIO_SETUP, fis, PX_IS.PS);
}

/** ahci_port_reset and ahci_write_reset_fis_d2h: the device says, with its signature, that it is there. */
export function resetDevice(port: AhciPort): void {
	port.sact = 0;
	port.ssts = SSTS_ONLINE | (port.sctl & SPEED || SPEED_GEN3);
	port.tfd = 0x100 | STATUS.DRDY | STATUS.DSC | STATUS.DMA;
	port.receive(ahci.RECEIVED.D2H, ahci.d2hFis(0x100, [1, 0, 0, 0, 0, 0, 0, 0, 1]), PX_IS.DHR);
}

function noteError(port: AhciPort, slot: number, cfis: number, tfd: number): void {
	port.errorFis.set([slot, 0, tfd, tfd >> 8]);
	port.errorFis.set(port.ctx.process.read(cfis + 4, 16), 4);
}
