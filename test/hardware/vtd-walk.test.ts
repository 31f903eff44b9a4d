// What another implementation answered: the intel-iommu of QEMU 7.2, probed over random and randomly broken
// tables. `blocked` is an access refused with no fault recorded.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {HIGH} from '../../source/formats/address.js';
import {REG, SRTP, TE} from '../../source/formats/vtd.js';
import {Memory} from '../../source/hardware/memory.js';
import type {Fault} from '../../source/hardware/probe.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {MIB} from '../helpers/lab.js';

type Word = number | string;
type Probe = {sid: number; iova: Word; access: 'read' | 'write'; hpa?: Word; fault?: number; blocked?: true};
type Scene = {rtaddr: Word; memory: [Word, Word][]; probes: Probe[]};
type Vectors = {addressWidth: number; cap: Word; ecap: Word; scenes: Scene[]};

const halves = (word: Word): [lo: number, hi: number] => {
	const whole = BigInt(word);
	return [Number(whole & 0xffffffffn), Number(whole >> 32n)];
};

for (const file of ['vtd-48.json', 'vtd-39.json']) {
	test(`the unit answers as QEMU's does: ${file}`, () => {
		const vectors: Vectors = JSON.parse(
			fs.readFileSync(path.join(import.meta.dirname, '../vectors', file), 'utf8'),
		);
		const [capLo, capHi] = halves(vectors.cap);
		const [ecapLo] = halves(vectors.ecap);
		let agreed = 0;
		for (const {rtaddr, memory: words, probes} of vectors.scenes) {
			const memory = new Memory(257 * MIB);
			for (const [at, word] of words) {
				const [lo, hi] = halves(word);
				memory.setU32(Number(at), lo);
				memory.setU32(Number(at) + 4, hi);
			}
			const unit = new Vtd(memory, {capLo, capHi, ecapLo, hostAddressWidth: vectors.addressWidth});
			const told: Fault[] = [];
			unit.probe = event => {
				if (event.at === 'fault') told.push(event.fault);
			};
			unit.write32(REG.RTADDR, Number(rtaddr) % HIGH);
			unit.write32(REG.RTADDR + 4, Math.floor(Number(rtaddr) / HIGH));
			unit.write32(REG.GCMD, SRTP);
			unit.write32(REG.GCMD, TE);
			for (const probe of probes) {
				told.length = 0;
				const answer = unit.translate(probe.sid, Number(probe.iova), probe.access === 'write');
				if (probe.hpa !== undefined) assert.equal(answer, Number(probe.hpa), JSON.stringify(probe));
				else assert.ok(answer < 0, JSON.stringify(probe));
				assert.equal(told[0]?.reason, probe.fault, JSON.stringify(probe));
				agreed++;
			}
		}
		assert.ok(agreed > 1000);
	});
}
