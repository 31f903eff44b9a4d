import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {parse} from 'yaml';
import {defaultSpec} from '../../../source/lab/build/spec.js';
import type {Defaults} from '../../../source/lab/build/state.js';
import {completeMachine, machine as machineSchema} from '../../../source/lab/scenario/machine-fields.js';
import {step as stepSchema} from '../../../source/lab/scenario/parse.js';
import {isVerb} from '../../../source/lab/scenario/verbs.js';
import {scenarioText, stepOf} from '../../../source/lab/scenario/write.js';
import {parseData} from '../../../source/parse-data.js';
import {aCommand, aMachine} from '../../helpers/arbitrary.js';
import {MIB} from '../../helpers/lab.js';

/** Values that no command has. */
const DEFAULTS: Defaults = {
	vm: 'other',
	device: 'other0',
	gpa: 4096,
	machine: {...defaultSpec(256 * 1024 * MIB), policy: 'bounce', returnsToHost: true},
};

test('a command that is written as a step parses as the same', () => {
	fc.assert(
		fc.property(aCommand, command => {
			const text = scenarioText({name: 'x', machine: defaultSpec(256 * MIB), steps: [{command}]});
			const parsed = parseData(stepSchema, parse(text).steps[0], 'the step');
			const [verb] = Object.keys(parsed).filter(isVerb);
			assert.deepEqual(parsed[verb]?.(DEFAULTS), command);
		}),
		{seed: 11, numRuns: 2000},
	);
});

test('a machine that is written parses as the same, whatever the base', () => {
	fc.assert(
		fc.property(aMachine, aMachine, (machine, base) => {
			const text = scenarioText({name: 'x', machine, steps: [{command: {do: 'unload'}}]});
			const parts = parseData(machineSchema, parse(text).machine, 'machine');
			assert.deepEqual(completeMachine(parts, base), machine);
		}),
		{seed: 12, numRuns: 1000},
	);
});

test('names, stories, notes and expectations of any text parse as the same', () => {
	const text = fc.string({unit: 'grapheme', minLength: 1, maxLength: 300}).map(word => `a${word}z`);
	fc.assert(
		fc.property(text, text, text, text, (name, story, note, owner) => {
			const step = {command: {do: 'unload' as const}, note, expect: {owner, faults: 3, bootable: true}};
			const written = scenarioText({name, story, machine: defaultSpec(256 * MIB), steps: [step]});
			const read = parse(written);
			assert.deepEqual([read.name, read.story, read.steps[0].note], [name, story, note]);
			assert.deepEqual(read.steps[0].expect, step.expect);
		}),
		{seed: 13, numRuns: 500},
	);
});

test('a scenario is written as people write one', () => {
	const machine = defaultSpec(256 * MIB);
	const steps = [
		{command: {do: 'boot', vm: 'vm0'}, note: 'It looks for a disk.', expect: {data: 'lost', faults: 1}},
		{command: {do: 'read', vm: 'vm0', lba: 0, sectors: 8, segments: 1, gpa: 0x0100_0000}},
		{command: {do: 'invalidate'}},
		{command: {do: 'create', ...machine.guests[0], name: 'vm2'}},
	] as const;
	assert.equal(
		scenarioText({name: 'mine', story: 'A story.', machine, steps}),
		`dmascope: 1
name: mine
story: A story.
machine:
  iommu: vt-d
  policy: remove
  hostPtp: true
  amdviEnable: true
  iommuEnable: true
  freebsd: 14-CURRENT
  returnsToHost: false
  flr: true
  hba: silent
  pptdevs: [ 4:0:0 ]
  memory: 256M
  guests:
    - { name: vm0, memory: 64M, wired: true, model: virtio-blk, disk: ada0, passthru: [ ppt0 ] }
    - { name: vm1, memory: 64M, wired: true, model: virtio-blk, disk: ada0, passthru: [] }
steps:
  - boot: vm0
    note: It looks for a disk.
    expect: { data: lost, faults: 1 }
  - read: { vm: vm0, lba: 0, sectors: 8, segments: 1, gpa: 0x1000000 }
  - invalidate:
  - create: { name: vm2, memory: 64M, wired: true, model: virtio-blk, disk: ada0, passthru: [ ppt0 ] }
`,
	);
	assert.deepEqual(stepOf({do: 'work', count: 5, writes: 20}), {work: {count: 5, writes: 20}});
	assert.deepEqual(stepOf({do: 'work', count: 5}), {work: 5});
});
