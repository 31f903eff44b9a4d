import assert from 'node:assert/strict';
import {test} from 'node:test';
import {seededRandom} from '../../../source/lab/build/random.js';
import {Steps} from '../../../source/lab/time/steps.js';

test('steps pushed, cut off and forgotten at random match a plain list', () => {
	const random = seededRandom(12);
	const upTo = (n: number) => Math.floor(random() * n);
	const steps = new Steps();
	const plain: {report: string; trouble: boolean}[] = [];
	const ids = new Set<number>();
	let first = 0;
	for (let round = 0; round < 300; round++) {
		const action = upTo(10);
		if (action === 0) {
			plain.length = first + upTo(plain.length - first + 1);
			steps.truncate(plain.length);
		} else if (action === 1) {
			first += upTo(Math.min(600, plain.length - first + 1));
			steps.forget(first);
		} else {
			for (let count = upTo(200); count > 0; count--) {
				const step = {report: `step ${round}.${count}`, trouble: upTo(20) === 0};
				plain.push(step);
				steps.push({command: {do: 'work', count}, outcome: {}, report: step.report}, step.trouble);
				const id = steps.at(plain.length)?.id ?? 0;
				assert.ok(!ids.has(id));
				ids.add(id);
			}
		}
		assert.deepEqual([steps.first, steps.length], [first, plain.length]);
		for (let i = 0; i < 20; i++) {
			const number = upTo(plain.length + 3);
			const there = number > first ? plain[number - 1] : undefined;
			assert.equal(steps.at(number)?.report, there?.report);
			const before = plain.slice(first, Math.max(first, number)).filter(({trouble}) => trouble).length;
			assert.equal(steps.troubles(number), before);
			const next = plain.findIndex(({trouble}, j) => trouble && j >= first && j >= number);
			assert.equal(steps.trouble(number, 1), next < 0 ? undefined : next + 1);
			const last = plain.findLastIndex(({trouble}, j) => trouble && j >= first && j < number - 1);
			assert.equal(steps.trouble(number, -1), last < 0 ? undefined : last + 1);
		}
	}
	assert.ok(first > 1000, `${first}`);
});

test('a step of a workload takes a few bytes', () => {
	const steps = new Steps();
	const random = seededRandom(1);
	for (let i = 0; i < 100_000; i++) {
		const count = 40 + Math.floor(random() * 20);
		const [bytes, landed] = [count * 9000, Math.floor(count * 9000 * random())];
		const report = `${count} requests: ${count - 10} delivered, 10 lost; ${landed} of ${bytes} landed`;
		steps.push(
			{command: {do: 'work', count}, outcome: {data: 'lost', bytes, landed, faults: 10}, report},
			true,
		);
	}
	assert.ok(steps.bytes < 100_000 * 48, `${steps.bytes / 100_000} bytes a step`);
});
