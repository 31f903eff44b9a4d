import assert from 'node:assert/strict';
import {test} from 'node:test';
import {coalesceFaults, explainFault} from '../../source/explain/faults.js';
import type {Fault} from '../../source/machine/fault.js';
import {openTestLab, read, transfer} from '../helpers/lab.js';

const fault = (number: number, more: Partial<Fault> = {}): Fault => ({
	number,
	transfer: number,
	rid: 0xfa,
	device: 'ahci0',
	iova: number * 4096,
	write: true,
	reason: 5,
	text: 'PTE Write access is not set',
	recorded: true,
	owner: 'vm0',
	...more,
});
const brief = (faults: Fault[]) =>
	coalesceFaults(faults).map(({count, first, last, lowest, highest}) => [
		count,
		first,
		last,
		lowest,
		highest,
	]);

test('repeats join into one row with their numbers and addresses', () => {
	assert.deepEqual(brief([]), []);
	const faults = [
		fault(3, {iova: 0x5000}),
		fault(4, {iova: 0x3000, recorded: false}),
		fault(5, {iova: 0x4000}),
	];
	assert.deepEqual(brief(faults), [[3, 3, 5, 0x3000, 0x5000]]);
	const [row] = coalesceFaults(faults);
	assert.deepEqual([row.recorded, row.transfer, row.owner], [2, 5, 'vm0']);
});

test('a different device, access, reason or owner starts a new row; the newest is last', () => {
	const others: Partial<Fault>[] = [
		{device: 'em0', rid: 0xc8},
		{write: false},
		{reason: 6, text: 'PTE Read access is not set'},
		{owner: 'vm1'},
		{owner: undefined},
	];
	for (const other of others) assert.equal(brief([fault(1), fault(2, other)]).length, 2);
	assert.deepEqual(
		brief([fault(1), fault(2, {owner: 'vm1'}), fault(3)]).map(([count, , last]) => [count, last]),
		[
			[1, 2],
			[2, 3],
		],
	);
});

test('without an owner, faults within 2 MiB join into one row', () => {
	const at = (number: number, iova: number) => fault(number, {owner: undefined, iova});
	assert.equal(brief([at(1, 0), at(2, 0x1ff000)]).length, 1);
	assert.equal(brief([at(1, 0x1ff000), at(2, 0x200000)]).length, 2);
	assert.equal(brief([at(1, 0), fault(2, {owner: '0'})]).length, 2);
});

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: a row in words: the access, the neighbours, and what to check`, t => {
		const lab = openTestLab(t, {iommu});
		for (let i = 0; i < 3; i++) read(lab, 'vm0', {sectors: 16});
		const rows = coalesceFaults(lab.state().faults);
		assert.deepEqual(
			rows.map(({count, owner}) => [count, owner]),
			[[7, 'vm0']],
		);
		const {sentence, near, check} = explainFault(lab.memory, lab.state(), rows[0]);
		assert.match(
			sentence,
			/^ahci0 \(0:31:2\) tried 7 times to write at addresses from 0x[0-9a-f]{8} to 0x[0-9a-f]{8}, memory of vm0: its domain had no writable mapping for the page\./,
		);
		assert.match(
			sentence,
			/ Around 0x[0-9a-f]{8}: mapped below: 0x[0-9a-f]{8}–0x[0-9a-f]{8}, \w+; mapped above: 0x/,
		);
		// With SE in the device table entry, only the first one reaches AMD-Vi's log.
		assert.equal(/did not record 6 of them\./.test(sentence), iommu === 'amd-vi');
		assert.ok(near.below && near.above && !near.here);
		assert.match(check, /^Before D34607, vmm removes vm0’s wired pages .* ppt0/);

		lab.dispatch({do: 'policy', policy: 'keep'});
		const later = explainFault(lab.memory, lab.state(), rows[0]);
		assert.match(later.sentence, / Around 0x[0-9a-f]{8}: mapped there: 0x/);
		assert.match(later.check, /^The page is now mapped\. That data is still lost; repeat the transfer\.$/);
	});

	test(`${iommu}: a passthru device beyond its guest's memory`, t => {
		const lab = openTestLab(t, {iommu, policy: 'keep'});
		transfer(lab, {do: 'dma', device: 'ppt0', access: 'read', gpa: 2 ** 34, bytes: 16});
		const [row] = coalesceFaults(lab.state().faults);
		const {sentence, near, check} = explainFault(lab.memory, lab.state(), row);
		assert.match(
			sentence,
			/^ppt0 \(4:0:0\) tried to read 0x400000000: its domain had no readable mapping for the page\./,
		);
		assert.deepEqual([near.below?.owner, near.above], ['vm0', undefined]);
		assert.match(check, /bhyve -m/);
	});
}

test('a device in no domain', t => {
	const lab = openTestLab(t, {policy: 'keep', flr: false, pptdevs: ['4:0:0', '4:0:1']});
	lab.dispatch({do: 'bind', vm: 'vm0', device: 'ppt1'});
	lab.dispatch({do: 'unbind', vm: 'vm0', device: 'ppt1'});
	transfer(lab, {do: 'dma', device: 'ppt1', access: 'write', gpa: 0, bytes: 8192});
	const [row] = coalesceFaults(lab.state().faults);
	const {sentence, near, check} = explainFault(lab.memory, lab.state(), row);
	assert.equal(
		sentence,
		'ppt1 (4:0:1) tried twice to write at addresses from 0x00000000 to 0x00001000: the function was in no domain.',
	);
	assert.deepEqual(near, {});
	assert.match(check, /passthru,4\/0\/1/);
});
