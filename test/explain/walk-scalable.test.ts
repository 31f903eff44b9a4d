// Scalable mode: the results of another implementation, QEMU 11.1's intel-iommu, probed with random and randomly broken
// tables; and what the walk says.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {mappingsOf} from '../../source/explain/mappings.js';
import {explainWalk} from '../../source/explain/walk.js';
import {isScalable, scalableStart, scalableTables} from '../../source/explain/walk-scalable.js';
import {halves, hex, PAGE_SIZE} from '../../source/formats/address.js';
import {indexOf, isCanonical} from '../../source/formats/vtd-scalable.js';
import {EMPTY_STATE} from '../../source/live/observation.js';
import {UserError} from '../../source/user-error.js';
import {parseScalable, runScalable} from '../helpers/scalable-vectors.js';
import {memoryOf} from '../helpers/vectors.js';

const text = fs.readFileSync(path.join(import.meta.dirname, '../vectors/vtd-scalable.json'), 'utf8');
const scenes = parseScalable('vtd-scalable.json', text);

test('the walk gives QEMU’s result for all 6279 probes, and sets the same accessed and dirty bits', () => {
	const different: string[] = [];
	const agreed = scenes.map(scene => runScalable(scene, each => different.push(each)));
	assert.deepEqual(different, []);
	assert.equal(
		agreed.reduce((sum, n) => sum + n, 0),
		6279,
	);
	assert.ok(scenes.reduce((sum, {accessed}) => sum + accessed.length, 0) > 1000);
});

test('a different result, and a bit that was not set, are reported', () => {
	const scene = structuredClone(scenes[0]);
	scene.probes[0].want = {hpa: 0x1234};
	const [first] = scene.accessed;
	scene.accessed[0] = {...first, value: {...first.value, lo: first.value.lo ^ 0x40}};
	const different: string[] = [];
	assert.equal(
		runScalable(scene, each => different.push(each)),
		scene.probes.length - 1,
	);
	assert.match(different[0], /there hpa 0x00001234\n {2}root at .*\n {2}context at /);
	assert.match(different[1], /^after all probes 0x[0-9a-f]+ is here 0x[0-9a-f]+, there/);
});

test('a domain’s decoded mappings are where the walk leads, in both stages', () => {
	let compared = 0;
	for (const {unit, words, probes} of scenes) {
		assert.ok(isScalable(unit));
		const memory = memoryOf(words);
		for (const {rid, iova, write} of probes) {
			const start = scalableStart(memory, unit, rid, []);
			if (start.to !== 'tables') continue;
			const end = scalableTables(memory, unit, start, {iova, write}, []);
			if (end.to !== 'page' || iova.hi > 0x1f_ffff) continue;
			const address = iova.hi * 2 ** 32 + iova.lo;
			const page = address - (address % PAGE_SIZE);
			const [found] = mappingsOf(memory, start, {from: page, to: page + PAGE_SIZE}).filter(
				each => each.iova <= page && page < each.iova + each.pages * PAGE_SIZE,
			);
			assert.ok(found, hex(address));
			assert.equal(found.hpa + address - found.iova, end.hpa);
			assert.deepEqual([found.read, found.write], [end.read, end.write]);
			compared++;
		}
	}
	assert.ok(compared > 500, `${compared}`);
});

test('the upper half of first-stage addresses is at the end of 64 bits', () => {
	const words = [
		{at: 0x1000 + 8 * 511, value: {lo: 0x2007, hi: 0}},
		{at: 0x2000 + 8 * 511, value: {lo: 0x3007, hi: 0}},
		{at: 0x3000 + 8 * 511, value: {lo: 0x4007, hi: 0}},
		{at: 0x4000 + 8 * 511, value: {lo: 0x5005, hi: 0}},
		{at: 0x4000, value: {lo: 0x6003, hi: 0}},
	];
	const all = mappingsOf(memoryOf(words), {format: 'vt-d first stage', root: 0x1000, levels: 4});
	// The supervisor's page is not the device's.
	assert.deepEqual(
		all.map(({iova, ...rest}) => ({...rest, iova: hex(iova)})),
		[{iova: '0xfffffffffffff000', hpa: 0x5000, pages: 1, read: true, write: false}],
	);
});

test('addresses are canonical by the tables’ levels, and index them', () => {
	const top = {lo: 0xffff_f000, hi: 0xffff_ffff};
	assert.deepEqual(
		[isCanonical(top, 4), isCanonical({lo: 0, hi: 0x7fff}, 4), isCanonical({lo: 0, hi: 0x8000}, 4)],
		[true, true, false],
	);
	assert.deepEqual(
		[isCanonical({lo: 0, hi: 0x8000}, 5), isCanonical({lo: 0, hi: 0x100_0000}, 5)],
		[true, false],
	);
	for (const iova of [0, 0x1000, 0x40_0000_0000, 0x7f12_3456_7000, 0x1fff_ffff_ffff_f0])
		for (const level of [1, 2, 3, 4, 5])
			assert.equal(indexOf(halves(iova), level), Math.floor(iova / 2 ** (3 + 9 * level)) % 512);
});

test('the walk names every entry and what its fields mean', () => {
	const scene = scenes.find(({unit}) => isScalable(unit)) ?? assert.fail();
	const memory = memoryOf(scene.words);
	const probe =
		scene.probes.find(
			({want, write, iova}) => typeof want !== 'string' && 'hpa' in want && write && iova.hi < 0x8000,
		) ?? assert.fail();
	const state = {...EMPTY_STATE, iommu: 'vt-d' as const, unit: scene.unit, writer: 'the guest'};
	const {steps, end} = explainWalk(memory, state, probe.rid, probe.iova.hi * 2 ** 32 + probe.iova.lo, true);
	assert.deepEqual(
		steps.slice(0, 5).map(({name}) => name),
		['root entry', 'context entry', 'PASID directory entry', 'PASID table entry', 'level 4'],
	);
	const fields = new Map(
		steps.flatMap(step => step.fields.map(([name, , meaning]) => [`${step.name} ${name}`, meaning])),
	);
	assert.match(fields.get('PASID table entry PGTT') ?? '', /^first stage: the format of the CPU/);
	assert.equal(fields.get('level 4 U/S'), 'for users, as all requests here are');
	assert.match(fields.get('level 4 A') ?? '', /accessed/);
	assert.equal(end.kind, 'memory');
});

test('a file without vectors is refused with a message', () => {
	for (const wrong of ['', '{}', '{"iommu":"vt-d"}', '{"iommu":"vt-d","mode":"scalable","scenes":[{}]}'])
		assert.throws(
			() => parseScalable('x.json', wrong),
			(error: unknown) => error instanceof UserError && /^x\.json holds no vectors: /.test(error.message),
		);
});
