// The results of another implementation: QEMU 11.1's amd-iommu, probed with random and randomly broken tables.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {high32, low32, wordsOf} from '../../source/formats/address.js';
import {FAULT, REG, SRTP, TE} from '../../source/formats/vtd.js';
import {Memory} from '../../source/hardware/memory.js';
import type {Fault} from '../../source/hardware/probe.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {UserError} from '../../source/user-error.js';
import {A, amdvi} from '../helpers/amdvi.js';
import {parseAmdvi, runAmdviScene} from '../helpers/amdvi-vectors.js';
import {MIB} from '../helpers/lab.js';

const FILE = path.join(import.meta.dirname, '../vectors/amdvi.json');

test('the unit gives QEMU’s result for all 6,037 probes, those beyond 53 bits among them', () => {
	const scenes = parseAmdvi('amdvi.json', fs.readFileSync(FILE, 'utf8'));
	const different: string[] = [];
	const agreed = scenes.map(scene => runAmdviScene(scene, text => different.push(text)));
	assert.deepEqual(different, []);
	assert.equal(
		agreed.reduce((sum, n) => sum + n, 0),
		6037,
	);
	const wide = scenes.flatMap(({probes}) => probes).filter(({iova}) => iova.hi >= 2 ** 21);
	assert.equal(wide.length, 303);
	const [first] = scenes;
	const wrong: string[] = [];
	first.probes[0].want = {hpa: '0x1234'};
	assert.equal(
		runAmdviScene(first, text => wrong.push(text)),
		first.probes.length - 1,
	);
	assert.match(wrong[0], /here .*, there \{"hpa":"0x1234"\}/);
	assert.throws(() => parseAmdvi('x.json', '{"iommu":"vt-d"}'), UserError);
});

test('an address in halves gives what the number gives', () => {
	const {unit} = amdvi();
	for (const iova of [0, 0x5678, 0x212345, 2 ** 39 + 0x5678, 2 ** 48, 2 ** 53 - 8]) {
		for (const write of [true, false]) {
			const answer = unit.translate(A, iova, write);
			assert.deepEqual(unit.translateHalves(A, wordsOf(iova), write), answer < 0 ? answer : wordsOf(answer));
		}
	}
});

/** A VT-d unit of 57 bits in five levels, with one mapped page at `iova`. */
function wideVtd(iova: {lo: number; hi: number}, target: number) {
	const memory = new Memory(16 * MIB);
	const put = (at: number, lo: number, hi = 0) => {
		memory.setU32(at, lo);
		memory.setU32(at + 4, hi);
	};
	const RID = 0x20;
	put(0x1000, 0x2001);
	put(0x2000 + RID * 16, 0x3001);
	put(0x2000 + RID * 16 + 8, 3 | (1 << 8));
	const value = (BigInt(iova.hi) << 32n) | BigInt(iova.lo);
	for (let level = 5; level >= 1; level--) {
		const table = 0x3000 + (5 - level) * 0x1000;
		const index = Number((value >> BigInt(12 + 9 * (level - 1))) & 511n);
		put(table + 8 * index, (level === 1 ? target : table + 0x1000) | 3);
	}
	const faults: Fault[] = [];
	// SAGAW 5 levels (bit 3), MGAW 57.
	const unit = new Vtd(memory, {
		capLo: 0x10780866 | (56 << 16),
		capHi: 0xd2078c,
		ecapLo: 0xf020df,
		hostAddressWidth: 46,
	});
	unit.probe = event => event.at === 'fault' && faults.push(event.fault);
	unit.write32(REG.RTADDR, 0x1000);
	unit.write32(REG.GCMD, SRTP);
	unit.write32(REG.GCMD, TE);
	return {unit, faults, rid: RID};
}

test('VT-d takes addresses beyond 53 bits too, and records the page it refuses', () => {
	const iova = {lo: 0x12345678, hi: 0x01fe_dcba};
	const {unit, faults, rid} = wideVtd(iova, 0x40_0000);
	assert.deepEqual(unit.translateHalves(rid, iova, true), {lo: 0x40_0678, hi: 0});
	assert.equal(unit.translateHalves(rid, {lo: iova.lo, hi: 0x01fe_dcbb}, true), -FAULT.WRITE);
	const beyond = {lo: 0xffff_e008, hi: 0xff00_ffff};
	assert.equal(unit.translateHalves(rid, beyond, false), -FAULT.BEYOND_WIDTH);
	const page = faults[1].iova;
	assert.deepEqual([high32(page), low32(page)], [0xff00_ffff, 0xffff_e000]);
	assert.deepEqual(
		unit.faultRegisters.records.map(record => record.iova),
		[faults[0].iova, page],
	);
});
