import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {seededRandom} from '../../source/lab/build/random.js';
import {LabWorkload} from '../../source/lab/workload.js';
import type {Command} from '../../source/machine/command.js';
import type {Outcome} from '../../source/machine/outcome.js';
import type {Comparable} from '../../source/machine/workload.js';
import {UserError} from '../../source/user-error.js';
import {MIB, openTestLab} from '../helpers/lab.js';

/** A host that records commands; 512 bytes of each request land. */
function fake({writable = false} = {}) {
	const commands: Command[] = [];
	const host = {
		guestCount: 2,
		check(command: Comparable): void {
			if (command.do === 'work' && command.writes && !writable) throw new UserError('open read-only');
		},
		dispatch(command: Command): Outcome {
			commands.push(command);
			assert.ok(command.do === 'work');
			const {count} = command;
			const none = {
				tally: {delivered: count, lost: 0, torn: 0, failed: 0, unchecked: 0},
				lost: 0,
				copied: 0,
				faults: 0,
			};
			const sums = {bytes: 512 * count, landed: 512 * count, hits: 3 * count, misses: count};
			return {
				kind: 'work',
				work: {requests: count, data: 'delivered', path: 'direct', ...none, ...sums},
				report: '',
			};
		},
	};
	return {commands, host, workload: new LabWorkload(host)};
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

test('due requests run, however time is divided into ticks', () => {
	const ticks = fc.array(fc.integer({min: 0, max: 1000}), {maxLength: 40});
	fc.assert(
		fc.property(fc.integer({min: 1, max: 100_000}), ticks, (rate, elapsed) => {
			const {commands, workload} = fake();
			workload.start({rate});
			const ran = sum(elapsed.map(ms => workload.tick(ms)));
			const total = sum(elapsed);
			assert.equal(ran, Math.floor((rate * total) / 1000));
			assert.equal(sum(commands.map(command => (command.do === 'work' ? command.count : 0))), ran);
			assert.equal(workload.samples.length, Math.min(600, Math.floor(total / 100)));
			const full = Math.floor(total / 100) * 100;
			if (full <= 60_000)
				assert.equal(sum(workload.samples.map(({transfers}) => transfers)), Math.floor((rate * full) / 1000));
		}),
		{seed: 4, numRuns: 300},
	);
});

test('a sample covers a tenth of a second; samples of one minute stay', () => {
	const {workload} = fake();
	workload.start({rate: 1000});
	workload.tick(250);
	const full = {transfers: 100, delivered: 51_200, lost: 0, faults: 0, hits: 300, misses: 100};
	assert.deepEqual(workload.samples, [full, full]);
	workload.tick(50);
	assert.equal(workload.samples.length, 3);
	for (let i = 0; i < 100; i++) workload.tick(1000);
	assert.equal(workload.samples.length, 600);
});

test('parts of a millisecond add up', () => {
	const {workload} = fake();
	workload.start({rate: 60});
	const ran = sum(Array.from({length: 600}, () => workload.tick(1000 / 60)));
	assert.ok(Math.abs(ran - 600) <= 1, `${ran}`);
	assert.ok(Math.abs(workload.samples.length - 100) <= 1, `${workload.samples.length}`);
});

test('nothing runs before start or after stop, and at most a second is made up', () => {
	const {commands, workload} = fake();
	assert.equal(workload.tick(1000), 0);
	workload.start({rate: 10});
	assert.equal(workload.tick(3_600_000), 10);
	assert.equal(workload.tick(Number.NaN) + workload.tick(-5), 0);
	workload.tick(99);
	workload.stop();
	assert.equal(workload.tick(1000), 0);
	workload.start({rate: 20});
	assert.equal(workload.tick(49), 0);
	assert.equal(workload.tick(1), 1);
	assert.equal(commands.length, 11);
});

test('an impossible pace is refused, and the running one continues', () => {
	const {workload} = fake();
	workload.start({rate: 10});
	for (const [pace, message] of [
		[{rate: 0}, /rate is 0; expected an integer from 1 to 100000/],
		[{rate: 1.5}, /rate/],
		[{rate: 10, writes: 20}, /open read-only/],
	] as const)
		assert.throws(() => workload.start(pace), {constructor: UserError, message});
	assert.deepEqual([workload.running, workload.rate, workload.writes], [true, 10, 0]);
});

test('a workload with writes puts them into its commands', () => {
	const {commands, workload} = fake({writable: true});
	workload.start({rate: 1000, writes: 25});
	workload.tick(100);
	assert.deepEqual(commands, [{do: 'work', count: 100, writes: 25}]);
});

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: a workload is commands, which replay to the same state`, t => {
		const lab = openTestLab(t, {iommu});
		const log: Command[] = [];
		const dispatch = lab.dispatch.bind(lab);
		lab.dispatch = command => {
			log.push(command);
			return dispatch(command);
		};
		const random = seededRandom(7);
		lab.workload.start({rate: 730});
		for (let i = 0; i < 20; i++) lab.workload.tick(random() * 40);
		lab.dispatch({do: 'policy', policy: 'keep'});
		lab.workload.tick(150);
		assert.ok(log.length > 10);
		const again = openTestLab(t, {iommu});
		for (const command of log) again.dispatch(command);
		assert.deepEqual(again.state(), lab.state());
		const bytes = (from: typeof lab) => Buffer.from(from.guestBytes('vm0', 32 * MIB, 8 * MIB));
		assert.ok(bytes(lab).equals(bytes(again)));
	});
}

test('a workload survives a new machine, and waits while there is no guest', t => {
	const lab = openTestLab(t);
	lab.workload.start({rate: 100});
	lab.dispatch({do: 'start', machine: {...lab.spec, policy: 'keep'}});
	assert.equal(lab.workload.tick(100), 10);
	for (const vm of ['vm0', 'vm1']) lab.dispatch({do: 'destroy', vm});
	assert.equal(lab.workload.tick(200), 0);
	lab.dispatch({do: 'create', ...lab.spec.guests[1]});
	assert.equal(lab.workload.tick(100), 10);
	const {samples} = lab.workload;
	assert.deepEqual(
		samples.map(({transfers, lost}) => [transfers, lost]),
		[
			[10, 0],
			[0, 0],
			[0, 0],
			[10, 0],
		],
	);
	assert.ok(samples[0].delivered > 0 && samples[0].hits > 0 && samples[0].misses > 0);
});
