import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {outcomeJson} from '../../../source/lab/scenario/outcome-json.js';
import {parseScenario} from '../../../source/lab/scenario/parse.js';
import type {Family} from '../../../source/machine/command.js';
import type {Outcome} from '../../../source/machine/outcome.js';
import {openTestLab, testSetting} from '../../helpers/lab.js';

/** Takes steps, in YAML, and @returns what of the last one's expectations did not come true. */
function judge(t: TestContext, iommu: Family, steps: string): string[] {
	const lab = openTestLab(t, {iommu});
	const scenario = parseScenario('s.yaml', `steps:\n${steps}`, {...testSetting(t), override: () => lab.spec});
	const earlier: Outcome[] = [];
	let unmet: string[] = [];
	for (const step of scenario.steps) {
		const outcome = lab.dispatch(step.command);
		unmet = lab.scenarios.unmet(step, outcome, earlier);
		earlier.push(outcome);
	}
	return unmet;
}

const LOST = '  - read: { vm: vm0 }\n';
const KEPT = '  - policy: keep\n  - read: { vm: vm0 }\n';

/** Steps; what is so of the last on both families; what is not; and how that is said. */
const CASES: [steps: string, so: string, not: string, sentence: RegExp][] = [
	[LOST, 'data: lost', 'data: delivered', /^data was to be delivered and is lost$/],
	[LOST, 'faults: 1', 'faults: 0', /^faults was to be 0 and is 1$/],
	[LOST, 'reason: not mapped', 'reason: no domain', /^reason was to be no domain and is not mapped$/],
	[KEPT, 'faults: 0', 'reason: not mapped', /^reason was to be not mapped and is none$/],
	[LOST, 'missing: 16384', 'missing: 0', /^missing was to be 0 and is 16384$/],
	[KEPT, 'missing: 0', 'domains: 3', /^domains was to be 3 and is 2$/],
	[
		'  - dma: { device: ppt0 }\n',
		'page: { hpa: 0, owner: kernel }',
		'page: [ { hpa: 0, owner: vm0 }, { hpa: 0, owner: kernel }, { hpa: 0x100000000000, owner: vm0 } ]',
		/^the owner of 0x00000000 was to be vm0 and is kernel; the owner of 0x100000000000 was to be vm0 and is no memory$/,
	],
	[
		LOST,
		'walk: { gives: not mapped }',
		'walk: { gives: memory }',
		/^the walk of ahci0 at 0x\w+ was to give memory and gives fault, not mapped$/,
	],
	[
		LOST,
		'walk: { gives: fault }',
		'walk: { gives: no domain }',
		/was to give no domain and gives fault, not mapped$/,
	],
	[
		KEPT,
		'walk: { gives: memory, owner: vm0 }',
		'walk: { gives: fault, owner: vm0 }',
		/^the walk of ahci0 at 0x\w+ was to give fault of vm0 and gives 0x\w+ of vm0$/,
	],
	[
		KEPT,
		'walk: { gives: memory }',
		'walk: { gives: memory, owner: vm1 }',
		/give memory of vm1 and gives 0x\w+ of vm0$/,
	],
	[
		LOST,
		'walk: { device: em0, iova: 0x00400000, gives: 0x00400000 }',
		'walk: { device: 0:25:0, iova: 0x00400000, gives: 0x00401000 }',
		/^the walk of 0:25:0 at 0x00400000 was to give 0x00401000 and gives 0x00400000 of kernel$/,
	],
	[
		'  - boot: vm0\n',
		'walk: { device: ppt0, iova: 0x04000000, access: read, gives: not mapped }',
		'walk: { device: ppt0, iova: 0x00200000, gives: fault }',
		/^the walk of ppt0 at 0x00200000 was to give fault and gives 0x\w+ of vm0$/,
	],
	[
		'  - boot: vm0\n',
		'console: no bootable disk',
		'console: FreeBSD UFS',
		/^the console of vm0 was to say "FreeBSD UFS" and says "no bootable disk"$/,
	],
	[
		'  - boot: vm0\n  - policy: keep\n  - boot: vm0\n',
		'console: [ FreeBSD UFS, "looking for a disk: virtio-blk, 64 MiB" ]',
		'console: [ UFS, no bootable disk ]',
		/^the console of vm0 was to say "no bootable disk" and says "2: FreeBSD UFS/,
	],
	[
		'  - policy: keep\n',
		'console: no bootable disk',
		'console: [ zz, qq ]',
		/"zz" and says .*; .*"qq" and says/,
	],
	[`${LOST}${LOST}`, 'equals: 1', 'data: delivered', /^data was/],
	[
		`${LOST}${KEPT}`,
		'faults: 0',
		'equals: 1',
		/^it was to equal step 1, and data is delivered, not lost, landed is 4096, not 0, faults is 0, not 1$/,
	],
	['  - boot: vm1\n  - work: 5\n', 'data: lost', 'equals: 1', /^it was to equal step 1, and data is/],
	[
		'  - bind: { vm: vm1, device: ppt0 }\n',
		'error: EBUSY',
		'error: none',
		/^error was to be none and is EBUSY$/,
	],
];
for (const iommu of ['vt-d', 'amd-vi'] as const) {
	for (const [steps, so, not, sentence] of CASES) {
		test(`${iommu}: ${so}; not ${not}`, t => {
			const expecting = (expect: string) => `${steps}    expect: { ${expect} }\n`;
			assert.deepEqual(judge(t, iommu, expecting(so)), []);
			const unmet = judge(t, iommu, expecting(not));
			assert.equal(unmet.length, 1);
			assert.match(unmet[0], sentence);
		});
	}
}

test('a reason is the hardware’s number too, which is each family’s own', t => {
	const reason = (number: number) => `${LOST}    expect: { reason: ${number} }\n`;
	assert.deepEqual(judge(t, 'vt-d', reason(5)), []);
	assert.deepEqual(judge(t, 'vt-d', reason(2)), ['reason was to be 2 and is 5']);
	assert.deepEqual(judge(t, 'amd-vi', reason(2)), []);
	const gone = '  - destroy: vm0\n  - dma: { device: ppt0 }\n    expect: { reason: no domain }\n';
	assert.deepEqual(judge(t, 'vt-d', gone), []);
	// AMD-Vi's driver leaves the device its old root, whose tables are empty by then.
	assert.deepEqual(judge(t, 'amd-vi', gone), ['reason was to be no domain and is not mapped']);
});

test('a transfer that no device made has no address to walk', t => {
	const lab = openTestLab(t);
	const text =
		'machine: {guests: [{name: a, disk: file}]}\nsteps:\n  - read: {}\n    expect: {walk: {gives: memory}}\n';
	const {machine, steps} = parseScenario('s.yaml', text, testSetting(t));
	lab.dispatch({do: 'start', machine});
	const unmet = lab.scenarios.unmet(steps[0], lab.dispatch(steps[0].command), []);
	assert.deepEqual(unmet, ['a walk was expected, and the transfer put no address on the bus']);
});

test('tables that say no are found so, whatever the IOTLB still gives', t => {
	const steps = `  - policy: keep
  - read: { vm: vm1 }
  - unmap: { vm: vm1, invalidate: false }
  - read: { vm: vm1, lba: 8 }
    expect: { data: delivered, faults: 0, equals: 2, walk: { gives: not mapped } }
`;
	assert.deepEqual(judge(t, 'vt-d', steps), []);
	assert.deepEqual(judge(t, 'amd-vi', steps), []);
});

test('the work of guests is a step, and what it came to can be expected', t => {
	const work = {data: 'lost', bytes: 3186688, landed: 2097152, faults: 266};
	const text = `steps:\n  - work: 300\n    expect: ${JSON.stringify(work)}\n  - work: {}\n`;
	const {steps} = parseScenario('s.yaml', text, testSetting(t));
	assert.deepEqual(
		steps.map(({text}) => text),
		['work 300 requests', 'work 100 requests'],
	);
	const lab = openTestLab(t);
	const outcome = lab.dispatch(steps[0].command);
	assert.deepEqual(outcomeJson(outcome), work);
	assert.deepEqual(lab.scenarios.unmet(steps[0], outcome, []), []);
});
