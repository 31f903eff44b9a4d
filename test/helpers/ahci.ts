// Drives bhyve's AHCI controller by hand, register by register and slot by slot.

import type {TestContext} from 'node:test';
import * as ahci from '../../source/formats/ahci.js';
import {CMD, PX} from '../../source/formats/ahci.js';
import {ahciHd, rig} from './disks.js';

export const LIST = 0x10000;
export const RECEIVED = 0x10400;
export const TABLE = 0x11000;
const TABLE_BYTES = 0x2000;
export const RUN = CMD.ST | CMD.FRE | CMD.SUD | CMD.POD;

export type Prd = [gpa: number, bytes: number];

/** A guest without a driver. */
export function ahciByHand(t: TestContext, options: Parameters<typeof rig>[1] = {}) {
	const made = rig(t, options);
	const device = ahciHd(made);
	const {map} = made.guest.vm;
	const read = (register: number) => device.read(ahci.PORTS + register);
	const write = (register: number, value: number) => device.write(ahci.PORTS + register, value);
	write(PX.CLB, LIST);
	write(PX.FB, RECEIVED);
	write(PX.CMD, RUN);
	/** Puts a command in a slot, without issuing it. */
	const put = (slot: number, fis: readonly number[], prds: readonly Prd[] = []) => {
		const table = TABLE + slot * TABLE_BYTES;
		fis.forEach((dword, i) => {
			map.setU32(table + 4 * i, dword);
		});
		prds.forEach(([gpa, bytes], i) => {
			map.setU32(table + ahci.PRDT + i * ahci.PRD_BYTES, gpa);
			map.setU32(table + ahci.PRDT + i * ahci.PRD_BYTES + ahci.PRD.DBC, bytes - 1);
		});
		map.setU32(LIST + slot * 32, ahci.FIS_DWORDS | (prds.length << 16));
		map.setU32(LIST + slot * 32 + ahci.HEADER.CTBA, table);
		map.setU32(LIST + slot * 32 + ahci.HEADER.CTBAU, 0);
	};
	const run = (fis: readonly number[], prds: readonly Prd[] = []) => {
		put(0, fis, prds);
		write(PX.IS, read(PX.IS));
		write(PX.CI, 1);
		return read(PX.TFD);
	};
	const received = (at: number, bytes: number) => [...map.read(RECEIVED + at, bytes)];
	return {...made, device, map, read, write, put, run, received};
}
