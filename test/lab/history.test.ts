import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import type {Lab} from '../../source/lab/lab.js';
import {seededRandom} from '../../source/lab/random.js';
import type {Outcome} from '../../source/seam/command.js';
import {MIB, openTestLab, randomImage} from '../helpers/lab.js';
import {differences} from '../helpers/same.js';
import {play} from '../helpers/session.js';

/** A clock that strikes at each look: a mark every so many steps. */
function steps(a: number): () => number {
	let now = 0;
	return () => (now += a);
}

function session(t: TestContext, iommu: 'vt-d' | 'amd-vi', seed: number): {lab: Lab; fresh: () => Lab} {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, iommu, disk: file, overlay: true} as const;
	const lab = openTestLab(t, setup);
	lab.keepHistory(steps(2));
	play(lab, seededRandom(seed), 1000);
	return {lab, fresh: () => openTestLab(t, setup)};
}

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`a session of 1,000 commands, replayed, comes out the same (${iommu})`, t => {
		const {lab, fresh} = session(t, iommu, 11);
		const {history} = lab;
		assert.equal(history?.entries.length, 1000);
		const again = fresh();
		const outcomes = history.entries.map(({command}): Outcome => again.dispatch(command));
		assert.deepEqual(
			outcomes.map(({said}) => said),
			history.entries.map(({said}) => said),
		);
		assert.deepEqual(differences(lab, again), []);
	});

	test(`rewound to any step, the whole machine is that of a fresh replay (${iommu})`, t => {
		const {lab, fresh} = session(t, iommu, 12);
		const {history} = lab;
		assert.ok(history);
		const random = seededRandom(5);
		const places = [
			1000,
			0,
			999,
			500,
			501,
			499,
			...Array.from({length: 6}, () => Math.floor(random() * 1001)),
		];
		for (const at of places) {
			assert.equal(history.go(at), undefined);
			assert.equal(history.at, at);
			const again = fresh();
			for (const {command} of history.entries.slice(0, at)) again.dispatch(command);
			assert.deepEqual(differences(lab, again), [], `at ${at}`);
		}
	});
}
