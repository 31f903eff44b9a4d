import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {parseScenario} from '../../../source/lab/scenario/parse.js';
import {outcomeJson} from '../../../source/lab/scenario/step-report.js';
import type {Family} from '../../../source/machine/command.js';
import type {Outcome} from '../../../source/machine/outcome.js';
import {openTestLab, testSetting} from '../../helpers/lab.js';

/** Takes steps, in YAML. @returns the unmet expectations of the last */
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

/** Steps; an expectation that the last meets on both families; one that it does not meet; and the sentence. */
const CASES: [steps: string, so: string, not: string, sentence: RegExp][] = [
	[LOST, 'data: lost', 'data: delivered', /^expected data delivered, got lost$/],
	[LOST, 'faults: 1', 'faults: 0', /^expected faults 0, got 1$/],
	[LOST, 'reason: not mapped', 'reason: no domain', /^expected reason no domain, got not mapped$/],
	[KEPT, 'faults: 0', 'reason: not mapped', /^expected reason not mapped, got none$/],
	[LOST, 'missing: 16384', 'missing: 0', /^expected missing 0, got 16384$/],
	[KEPT, 'missing: 0', 'domains: 3', /^expected domains 3, got 2$/],
	[
		'  - dma: { device: ppt0 }\n',
		'page: { hpa: 0, owner: kernel }',
		'page: [ { hpa: 0, owner: vm0 }, { hpa: 0, owner: kernel }, { hpa: 0x100000000000, owner: vm0 } ]',
		/^expected owner of 0x00000000 vm0, got kernel; expected owner of 0x100000000000 vm0, got no memory$/,
	],
	[
		LOST,
		'walk: { gives: not mapped }',
		'walk: { gives: memory }',
		/^expected walk of ahci0 at 0x\w+ to give memory, got fault \(not mapped\)$/,
	],
	[
		LOST,
		'walk: { gives: fault }',
		'walk: { gives: no domain }',
		/to give no domain, got fault \(not mapped\)$/,
	],
	[
		KEPT,
		'walk: { gives: memory, owner: vm0 }',
		'walk: { gives: fault, owner: vm0 }',
		/^expected walk of ahci0 at 0x\w+ to give fault of vm0, got 0x\w+ of vm0$/,
	],
	[
		KEPT,
		'walk: { gives: memory }',
		'walk: { gives: memory, owner: vm1 }',
		/to give memory of vm1, got 0x\w+ of vm0$/,
	],
	[
		LOST,
		'walk: { device: em0, iova: 0x00400000, gives: 0x00400000 }',
		'walk: { device: 0:25:0, iova: 0x00400000, gives: 0x00401000 }',
		/^expected walk of 0:25:0 at 0x00400000 to give 0x00401000, got 0x00400000 of kernel$/,
	],
	[
		'  - boot: vm0\n',
		'walk: { device: ppt0, iova: 0x04000000, access: read, gives: not mapped }',
		'walk: { device: ppt0, iova: 0x00200000, gives: fault }',
		/^expected walk of ppt0 at 0x00200000 to give fault, got 0x\w+ of vm0$/,
	],
	[
		'  - boot: vm0\n',
		'console: no bootable disk',
		'console: FreeBSD UFS',
		/^expected "FreeBSD UFS" on the console of vm0, got "no bootable disk"$/,
	],
	[
		'  - boot: vm0\n  - policy: keep\n  - boot: vm0\n',
		'console: [ FreeBSD UFS, "looking for a disk: virtio-blk, 64 MiB" ]',
		'console: [ UFS, no bootable disk ]',
		/^expected "no bootable disk" on the console of vm0, got "2: FreeBSD UFS/,
	],
	['  - policy: keep\n', 'console: no bootable disk', 'console: [ zz, qq ]', /"zz" on .*; .*"qq" on/],
	[`${LOST}${LOST}`, 'equals: 1', 'data: delivered', /^expected data/],
	[
		`${LOST}${KEPT}`,
		'faults: 0',
		'equals: 1',
		/^expected the result of step 1: data lost, got delivered; landed 0, got 4096; faults 1, got 0$/,
	],
	['  - boot: vm1\n  - work: 5\n', 'data: lost', 'equals: 1', /^expected the result of step 1: data/],
	[
		'  - bind: { vm: vm1, device: ppt0 }\n',
		'error: EBUSY',
		'error: none',
		/^expected error none, got EBUSY$/,
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

test('a reason is also the hardware’s number, different in each family', t => {
	const reason = (number: number) => `${LOST}    expect: { reason: ${number} }\n`;
	assert.deepEqual(judge(t, 'vt-d', reason(5)), []);
	assert.deepEqual(judge(t, 'vt-d', reason(2)), ['expected reason 2, got 5']);
	assert.deepEqual(judge(t, 'amd-vi', reason(2)), []);
	const gone =
		'  - start: { flr: false }\n  - destroy: vm0\n  - dma: { device: ppt0 }\n    expect: { reason: no domain }\n';
	assert.deepEqual(judge(t, 'vt-d', gone), []);
	// AMD-Vi's driver leaves the device its old root, whose tables are empty by then.
	assert.deepEqual(judge(t, 'amd-vi', gone), ['expected reason no domain, got not mapped']);
});

test('a transfer without a device has no address to walk', t => {
	const lab = openTestLab(t);
	const text =
		'machine: {guests: [{name: a, disk: file}]}\nsteps:\n  - read: {}\n    expect: {walk: {gives: memory}}\n';
	const {machine, steps} = parseScenario('s.yaml', text, testSetting(t));
	lab.dispatch({do: 'start', machine});
	const unmet = lab.scenarios.unmet(steps[0], lab.dispatch(steps[0].command), []);
	assert.deepEqual(unmet, ['expected a walk, but the transfer put no address on the bus']);
});

test('a walk reads the tables, not the IOTLB', t => {
	const steps = `  - policy: keep
  - read: { vm: vm1 }
  - unmap: { vm: vm1, invalidate: false }
  - read: { vm: vm1, lba: 8 }
    expect: { data: delivered, faults: 0, equals: 2, walk: { gives: not mapped } }
`;
	assert.deepEqual(judge(t, 'vt-d', steps), []);
	assert.deepEqual(judge(t, 'amd-vi', steps), []);
});

test('work is a step with expectations', t => {
	const work = {data: 'lost', bytes: 3186688, landed: 2097152, copied: 835584, faults: 266};
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
