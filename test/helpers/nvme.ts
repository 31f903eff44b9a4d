// Drives bhyve's NVMe controller by hand, register by register and entry by entry.

import assert from 'node:assert/strict';
import type {TestContext} from 'node:test';
import {ADMIN, CC, COMMAND, COMPLETION, CONTIGUOUS, DOORBELLS, REG} from '../../source/formats/nvme.js';
import {nvme, rig} from './disks.js';

export const ASQ = 0x10000;
export const ACQ = 0x11000;
export const SQ = 0x12000;
export const CQ = 0x14000;
export const ENTRIES = 4;

type Fields = {nsid?: number; prp1?: number; prp2?: number; cdw?: readonly number[]};
type Completed = {code: number; value: number; id: number; head: number; queue: number; dnr: boolean};

/** A guest without a driver. Its queues have four entries, so they wrap soon. */
export function nvmeByHand(t: TestContext, options: Parameters<typeof rig>[1] = {}) {
	const made = rig(t, options);
	const device = nvme(made);
	const {map} = made.guest.vm;
	const tails = [0, 0];
	const heads = [0, 0];
	let id = 0x100;
	const enable = () => {
		map.write(ASQ, new Uint8Array(0x5000));
		tails.fill(0);
		heads.fill(0);
		device.write(REG.CC, 0);
		device.write(REG.AQA, (ENTRIES - 1) | ((ENTRIES - 1) << 16));
		device.write(REG.ASQ_LO, ASQ);
		device.write(REG.ACQ_LO, ACQ);
		device.write(REG.CC, CC.EN);
	};
	const put = (queue: number, opcode: number, {nsid = 0, prp1 = 0, prp2 = 0, cdw = []}: Fields) => {
		const at = (queue === 0 ? ASQ : SQ) + tails[queue] * 64;
		map.write(at, new Uint8Array(64));
		map.setU32(at, opcode | (++id << 16));
		map.setU32(at + COMMAND.NSID, nsid);
		for (const [field, prp] of [
			[COMMAND.PRP1, prp1],
			[COMMAND.PRP2, prp2],
		]) {
			map.setU32(at + field, prp % 2 ** 32);
			map.setU32(at + field + 4, Math.floor(prp / 2 ** 32));
		}
		cdw.forEach((dword, i) => {
			map.setU32(at + COMMAND.CDW10 + 4 * i, dword >>> 0);
		});
		tails[queue] = (tails[queue] + 1) % ENTRIES;
	};
	/** The next entry of a completion queue, whatever its phase. */
	const take = (queue: number): Completed => {
		const at = (queue === 0 ? ACQ : CQ) + heads[queue] * 16;
		heads[queue] = (heads[queue] + 1) % ENTRIES;
		const status = map.u16(at + COMPLETION.STATUS);
		return {
			code: (status >> 1) & 0x7ff,
			dnr: (status & 0x8000) !== 0,
			value: map.u32(at),
			id: map.u16(at + COMPLETION.ID),
			head: map.u16(at + COMPLETION.SQ_HEAD),
			queue: map.u16(at + COMPLETION.SQ_ID),
		};
	};
	const ring = (queue: number) => device.write(DOORBELLS + queue * 8, tails[queue]);
	const run = (queue: number, opcode: number, fields: Fields = {}): Completed => {
		put(queue, opcode, fields);
		ring(queue);
		const completed = take(queue);
		if (device.stopped === undefined) assert.equal(completed.id, id);
		return completed;
	};
	const admin = (opcode: number, fields?: Fields) => run(0, opcode, fields);
	const io = (opcode: number, fields: Fields = {}) => run(1, opcode, {nsid: 1, ...fields});
	const createPair = () => {
		const which = 1 | ((ENTRIES - 1) << 16);
		admin(ADMIN.CREATE_IO_CQ, {prp1: CQ, cdw: [which, CONTIGUOUS]});
		return admin(ADMIN.CREATE_IO_SQ, {prp1: SQ, cdw: [which, CONTIGUOUS | (1 << 16)]}).code;
	};
	enable();
	return {...made, device, map, enable, put, ring, take, admin, io, createPair};
}
