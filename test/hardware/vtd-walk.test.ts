// The results of another implementation: QEMU 7.2's intel-iommu, probed with random and randomly broken tables.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {UserError} from '../../source/user-error.js';
import {parseVectors, runScene} from '../helpers/vectors.js';

const vectorsOf = (file: string) =>
	parseVectors(file, fs.readFileSync(path.join(import.meta.dirname, '../vectors', file), 'utf8'));

for (const [file, probes] of [
	['vtd-48.json', 3801],
	['vtd-39.json', 1878],
] as const) {
	test(`the unit gives QEMU's result for all ${probes} probes of ${file}`, () => {
		const vectors = vectorsOf(file);
		const different: string[] = [];
		const agreed = vectors.scenes.map(scene => runScene(vectors, scene, text => different.push(text)));
		assert.deepEqual(different, []);
		assert.equal(
			agreed.reduce((sum, n) => sum + n, 0),
			probes,
		);
	});
}

test('a different result is reported with the walk, entry by entry', () => {
	const vectors = vectorsOf('vtd-48.json');
	const scene = structuredClone(vectors.scenes[0]);
	scene.probes[0].want = {hpa: 0x1234};
	const different: string[] = [];
	assert.equal(
		runScene(vectors, scene, text => different.push(text)),
		scene.probes.length - 1,
	);
	assert.match(
		different[0],
		/here hpa 0x[0-9a-f]+, there hpa 0x00001234\n {2}root at .*P=1\n {2}context at .*TT=/,
	);
	assert.match(different[0], /level 4 at .*R=1 W=1 PS=0/);
});

test('a file without vectors is refused with a message', () => {
	for (const text of [
		'',
		'{}',
		'{"iommu":"vt-d"}',
		'{"iommu":"arm"}',
		'[1]',
		'{"iommu":"vt-d","addressWidth":48,"cap":{},"ecap":0,"scenes":[]}',
	]) {
		assert.throws(
			() => parseVectors('x.json', text),
			(error: unknown) => error instanceof UserError && /^x\.json holds no vectors: /.test(error.message),
		);
	}
});
