import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import fc from 'fast-check';
import {findScenario, shippedScenarios} from '../../../source/lab/scenario/find.js';
import {parseHead, parseScenario} from '../../../source/lab/scenario/parse.js';
import {UserError} from '../../../source/user-error.js';
import {testSetting} from '../../helpers/lab.js';

const parse = (t: TestContext, text: string) => parseScenario('s.yaml', text, testSetting(t));

const WRONG: [string, RegExp][] = [
	['', /:1:1: a scenario is a map with dmascope, name, story, machine, steps/],
	['[1]', /:1:1: a scenario is a map/],
	['dmascope: 2\nsteps: [boot: vm0]', /:1:11: dmascope is 2; write dmascope: 1, or take/],
	['steps: []', /:1:8: steps is a list of at least one step/],
	['steps: 5', /:1:8: steps is a list/],
	['name: x', /:1:1: steps is a list/],
	['tale: x\nsteps:\n  - boot: vm0', /:1:1: a scenario has no field "tale"; it takes dmascope, name/],
	['stpes:\n  - boot: vm0', /:1:1: a scenario has no field "stpes"; .* Did you mean steps\?/],
	['name: {}\nsteps:\n  - boot: vm0', /:1:7: name is \{\}; it takes a word/],
	['name: x\nsteps:\n  - 5', /:3:5: a step is one of/],
	[
		'steps:\n  - red: {vm: vm0}',
		/:2:5: "red" is no step; a step is one of read, write.* Did you mean read\?/,
	],
	['steps:\n  - boot: vm0\n    nte: x', /:3:5: "nte" is no step; .* Did you mean note\?/],
	['steps:\n  - read: {vm: vm7}', /:2:16: vm is "vm7"; it may be vm0, vm1\. Did you mean vm0\?/],
	['steps:\n  - read: {lab: 3}', /:2:12: read has no field "lab"; it takes vm, lba.* Did you mean lba\?/],
	['steps:\n  - read: {lba: x}', /:2:17: lba is "x"; it takes a number/],
	[
		'steps:\n  - read:\n      vm: vm0\n      sectors: 0',
		/:4:16: sectors is 0; it may be a whole number from 1/,
	],
	['steps:\n  - read: {sectors: 9e99}', /:2:21: sectors is 9e\+99; it may be a whole number/],
	['steps:\n  - read: {segments: 9}', /:2:22: segments is 9; it may be a whole number from 1 to 8/],
	['steps:\n  - read: {gpa: 3}', /:2:17: gpa is 0x00000003; it may be a multiple of 2/],
	['steps:\n  - read: [1]', /:2:11: read takes fields/],
	['steps:\n  - unload: 5', /:2:13: unload takes nothing, not 5/],
	[
		'steps:\n  - policy: kepp',
		/:2:13: policy is "kepp"; it may be remove, keep, bounce\. Did you mean keep\?/,
	],
	['steps:\n  - policy:', /:2:12: policy is missing; it may be/],
	['steps:\n  - dma: {access: smell}', /:2:19: access is "smell"; it may be write, read/],
	['steps:\n  - dma: {device: pt0}', /:2:19: device is "pt0"; it may be xhci0, .* Did you mean ppt0\?/],
	['steps:\n  - dma: {device: 9:0:0}', /:2:19: Unknown PCI function 9:0:0/],
	['steps:\n  - unplug: 9:0:0', /:2:13: There is no function at 9:0:0/],
	['steps:\n  - plug: {device: em0, rid: 5:0:0}', /:2:20: device is "em0"; give a new name/],
	['steps:\n  - create: {name: vm0}', /:2:20: There is a guest vm0 already/],
	['steps:\n  - create: {name: vm2, memory: 1T}', /:2:33: memory 1T is not a size/],
	['steps:\n  - create: {name: vm2, memory: 200M}', /:2:33: vm2 needs 51200 pages, but the host has only/],
	[
		'steps:\n  - create: {name: vm2, modle: nvme}',
		/:2:25: create has no field "modle"; .* Did you mean model\?/,
	],
	['steps:\n  - create: {name: kernel}', /:2:20: name is kernel, which is what other memory/],
	['steps:\n  - {read: {}, boot: vm0}', /:2:16: a step is one command; this one is read and boot/],
	['steps:\n  - expect: {data: lost}', /:2:5: this step has no command/],
	['steps:\n  - write: {}', /:2:12: The disk is open read-only; start dmascope with --overlay/],
	['steps:\n  - work: {count: 0}', /:2:19: count is 0; it may be a whole number from 1 to 10000/],
	['steps:\n  - work: {count: 5, writes: 10}', /:2:30: The disk is open read-only/],
	['machine: 5\nsteps:\n  - boot: vm0', /:1:10: machine takes fields/],
	[
		'machine: {plicy: keep}\nsteps:\n  - boot: vm0',
		/:1:11: machine has no field "plicy"; .* Did you mean policy\?/,
	],
	['machine: {iommu: vtd}\nsteps:\n  - boot: vm0', /:1:18: iommu is "vtd"; it may be .* Did you mean vt-d\?/],
	['machine: {hostPtp: yes}\nsteps:\n  - boot: vm0', /:1:20: hostPtp is "yes"; it takes true or false/],
	['machine: {pptdevs: [4:0:0, 4/0/0]}\nsteps:\n  - boot: vm0', /:1:28: 4:0:0 is here twice/],
	[
		'machine: {pptdevs: [0:31:2]}\nsteps:\n  - boot: vm0',
		/:1:21: 0:31:2 is ahci0, which stays with the host/,
	],
	['machine: {guests: [{name: a}, {name: a}]}\nsteps:\n  - boot: a', /:1:38: guests has a twice/],
	[
		'machine:\n  guests:\n    - {name: a, passthru: [ppt1]}\nsteps:\n  - boot: a',
		/:3:28: a is to have ppt1, and there is none; .* Did you mean ppt0\?/,
	],
	[
		'machine:\n  guests:\n    - {name: a, disk: ada0p7}\nsteps:\n  - boot: a',
		/:3:23: There is no partition ada0p7 .* Did you mean ada0p1\?/,
	],
	[
		'machine:\n  guests:\n    - {name: a, disk: sda}\nsteps:\n  - boot: a',
		/:3:23: disk is "sda"; it may be ada0 \(raw\)/,
	],
	[
		'machine:\n  guests: [{name: a, memory: 2G}]\nsteps:\n  - boot: a',
		/:2:30: memory of a is "2G"; give it from 4M to what the host has/,
	],
	// What would have made sense at the start, and does not by the time it is reached.
	['steps:\n  - destroy: vm0\n  - boot: vm0', /:3:11: vm is "vm0"; it may be vm1/],
	['steps:\n  - unplug: em0\n  - dma: {device: em0}', /:3:19: device is "em0"; it may be xhci0, ahci0, ppt0/],
	[
		'steps:\n  - unload:\n  - destroy: vm0\n  - destroy: vm1\n  - unload:\n  - invalidate:',
		/:6:16: There is no domain/,
	],
	['steps:\n  - start: {guests: []}\n  - work: 5', /:3:11: There is no guest that could work/],
	// YAML itself.
	['steps: [', /:1:9: this is not YAML: .*; check the indentation, and that every bracket/],
	['steps:\n\t- boot: vm0', /:2:1: this is not YAML: Tabs/],
	['steps:\n  - boot: vm0\n    boot: vm1', /:3:5: "boot" is here twice; keep one of them/],
	['name: a: b', /:1:7: this is not YAML: .*quotes/],
	['name: a\n---\nname: b', /:2:1: this is not YAML: .*leave out the line with ---/],
	['name: !thing a', /:1:7: this is not YAML: Unresolved tag/],
	['steps:\n  - boot: *a', /:2:11: \*a stands for nothing; write &a before it/],
	['steps: &a [*a]', /:1:12: \*a stands for nothing/],
	['? [1]\n: 2', /:1:3: what stands before a colon is a word/],
	['%YAML 1.1\n---\nname: 2001-01-01', /:3:7: here is no text, number, list or map/],
	[`name: ${'['.repeat(200)}`, /:1:\d+: .*(too deeply|this is not YAML)/],
	['name: a\0b', /:1:8: here is no text/],
];
for (const [text, message] of WRONG) {
	test(`a wrong scenario is refused before its first step: ${JSON.stringify(text.slice(0, 70))}`, t => {
		assert.throws(
			() => parse(t, text),
			(error: unknown) => {
				assert.ok(error instanceof UserError, String(error));
				assert.match(error.message, message);
				assert.match(error.message, /^s\.yaml:\d+:\d+: [^\n]+$/);
				return true;
			},
		);
	});
}

const WRONG_EXPECTATIONS: [string, RegExp][] = [
	['5', /:3:13: expect takes fields \(data, path/],
	['{colour: red}', /:3:14: expect has no field "colour"; it takes data, path/],
	['{dat: lost}', /:3:14: expect has no field "dat"; .* Did you mean data\?/],
	['{constructor: 1}', /:3:14: expect has no field "constructor"/],
	['{data: [1]}', /:3:20: data is \[1\]; it may be delivered, lost, torn, failed/],
	['{data: lots}', /:3:20: data is "lots"; it may be delivered.* Did you mean lost\?/],
	['{data: }', /:3:\d+: data is missing/],
	['{landed: "0"}', /:3:22: landed is "0"; it takes a number/],
	['{faults: -1}', /:3:22: faults is -1; it may be a whole number/],
	['{bootable: maybe}', /:3:24: bootable is "maybe"; it takes true or false/],
	['{reason: not maped}', /:3:22: reason is "not maped"; .* Did you mean not mapped\?/],
	['{reason: 999}', /:3:22: reason is 999; it may be a whole number from 0 to 255/],
	['{page: {hpa: 0}}', /:3:20: owner is missing; it takes a word/],
	['{page: [{hpa: 0, owner: a}, {hp: 0, owner: a}]}', /:3:42: page has no field "hp"/],
	['{walk: {gives: falt}}', /:3:28: gives is "falt"; .* Did you mean fault\?/],
	['{walk: {device: ahci9, gives: fault}}', /:3:29: device is "ahci9"; .* Did you mean ahci0\?/],
	['{walk: {iova: 1}}', /:3:20: gives is missing/],
	['{console: [a, {}]}', /:3:27: console is \{\}; it takes a word/],
	['{equals: 1}', /:3:22: equals is 1, to be the number of a step before that moves data; there is none/],
	['{equals: 0}', /:3:22: equals is 0; it may be a whole number from 1/],
];
for (const [expect, message] of WRONG_EXPECTATIONS) {
	test(`a wrong expectation is refused before the first step: ${expect}`, t => {
		const text = `steps:\n  - read: {}\n    expect: ${expect}`;
		assert.throws(
			() => parse(t, text),
			(error: unknown) => {
				assert.ok(error instanceof UserError, String(error));
				assert.match(error.message, message);
				return true;
			},
		);
	});
}

test('what a step has no use for is not expected of it', t => {
	const policy = 'steps:\n  - policy: keep\n    expect: ';
	assert.throws(
		() => parse(t, `${policy}{walk: {gives: fault}}`),
		/:3:20: policy has no address of its own to walk/,
	);
	assert.throws(() => parse(t, `${policy}{equals: 1}`), /:3:22: equals is for a step that moves data/);
	parse(t, `${policy}{walk: {device: ahci0, iova: 0, gives: memory}}`);
});

test('a version may be left out, and a story has more than one line', t => {
	const scenario = parse(
		t,
		'dmascope: 1\nname: mine\nstory: |\n  One.\n  Two.\nsteps:\n  - boot: vm0\n    note: x\n',
	);
	assert.deepEqual([scenario.name, scenario.story], ['mine', 'One.\nTwo.']);
	assert.deepEqual(scenario.steps, [
		{command: {do: 'boot', vm: 'vm0'}, text: 'boot vm0', expect: {}, note: 'x', line: 7},
	]);
	assert.equal(parse(t, 'steps:\n  - boot:\n').name, 's.yaml');
	assert.equal(parse(t, '\ufeffsteps:\r\n  - boot: vm1\r\n'.replace('\ufeff', '')).steps.length, 1);
});

test('what is left out is as it is by then: the first guest that there still is', t => {
	const {steps} = parse(
		t,
		'steps:\n  - destroy: vm0\n  - boot:\n  - read: {}\n  - attach: em0\n  - detach: ppt1\n',
	);
	assert.deepEqual(steps[1].command, {do: 'boot', vm: 'vm1'});
	assert.equal(steps[2].text, 'read vm1 LBA 0 ×8 in 1');
});

test('a YAML alias is what it stands for', t => {
	const {steps} = parse(t, 'steps:\n  - read: &r {vm: vm1}\n  - read: *r\n');
	assert.deepEqual(steps[1].command, steps[0].command);
	assert.throws(
		() => parse(t, 'steps:\n  - read: &r {vm: vm1}\n  - dma: *r\n'),
		/:2:15: dma has no field "vm"/,
	);
});

test('aliases that would come to more than any memory holds are refused', t => {
	const levels = Array.from(
		{length: 40},
		(_, i) => `a${i}: &a${i} [${i === 0 ? '1' : `*a${i - 1}, *a${i - 1}`}]`,
	);
	assert.throws(() => parse(t, levels.join('\n')), /s\.yaml:\d+:\d+: here the file comes to too much/);
});

test('many keys and long words take no longer than they should', t => {
	const keys = Array.from({length: 20_000}, (_, i) => `k${i}: 1`).join('\n');
	assert.throws(() => parse(t, keys), /:1:1: a scenario has no field "k0"/);
	assert.throws(() => parse(t, `${'x'.repeat(1000)}: 1`), /a scenario has no field "x{50,60}…;/);
});

test('a mangled scenario is read or refused with a sentence', t => {
	const setting = testSetting(t);
	const {text} = findScenario('pr-260178');
	fc.assert(
		fc.property(fc.nat(text.length - 1), fc.nat(20), fc.string({maxLength: 5}), (at, cut, insert) => {
			try {
				parseScenario('s.yaml', text.slice(0, at) + insert + text.slice(at + cut), setting);
			} catch (error) {
				assert.ok(error instanceof UserError, String(error));
				assert.match(error.message, /^s\.yaml:\d+:\d+: [^\n]+$/);
			}
		}),
		{seed: 8, numRuns: 100},
	);
});

test('a scenario that is not there is said to be missing, with those that are', () => {
	assert.throws(
		() => findScenario('tuor'),
		/There is no scenario tuor; name a file or one of those that ship: .*pr-260178.* Did you mean tour\?/,
	);
	assert.throws(() => findScenario('/'), /^UserError: \/ is a directory|is a directory; name a file/);
	assert.throws(() => findScenario('/dev/zero'), /is longer than \d+ bytes/);
});

test('each scenario that ships is called as its file, and starts with what a list can show', () => {
	for (const name of shippedScenarios()) {
		const {text} = findScenario(name);
		assert.ok(text.startsWith('# yaml-language-server: $schema=scenario.schema.json\ndmascope: 1\n'), name);
		const head = parseHead(name, text);
		assert.equal(head.name, name);
		const [first] = head.story.split(/(?<=\.)\s/);
		assert.ok(first.length <= 90, `${name}: ${first}`);
		assert.ok(head.steps > 4);
	}
});
