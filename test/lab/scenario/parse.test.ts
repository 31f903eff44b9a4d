import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import fc from 'fast-check';
import {findScenario, shippedScenarios} from '../../../source/lab/scenario/find.js';
import {parseHead, parseScenario} from '../../../source/lab/scenario/parse.js';
import {UserError} from '../../../source/user-error.js';
import {testSetting} from '../../helpers/lab.js';
import {soon} from '../../helpers/soon.js';

const parse = (t: TestContext, text: string) => parseScenario('s.yaml', text, testSetting(t));

const WRONG: [string, RegExp][] = [
	['', /:1:1: the scenario is empty; expected a map with dmascope, name, story, machine, steps\./],
	['[1]', /:1:1: the scenario is a list; expected a map/],
	['dmascope: 2\nsteps: [boot: vm0]', /:1:11: dmascope is 2; write dmascope: 1, or use/],
	['steps: []', /:1:8: steps is empty; expected a list of at least one step/],
	['steps: 5', /:1:8: steps is 5; expected a list/],
	['name: x', /:1:1: steps is missing; expected a list/],
	['tale: x\nsteps:\n  - boot: vm0', /:1:1: Unknown field tale; use dmascope, name/],
	['stpes:\n  - boot: vm0', /:1:1: Unknown field stpes; .* Did you mean steps\?/],
	['name: {}\nsteps:\n  - boot: vm0', /:1:7: name is a map; expected text\./],
	['name: x\nsteps:\n  - 5', /:3:5: the step is 5; expected a map with read, write/],
	['steps:\n  - red: {vm: vm0}', /:2:5: Unknown field red; use read, write.* Did you mean read\?/],
	['steps:\n  - boot: vm0\n    nte: x', /:3:5: Unknown field nte; .* Did you mean note\?/],
	['steps:\n  - read: {vm: vm7}', /:2:16: Unknown guest vm7; use vm0 or vm1\. Did you mean vm0\?/],
	['steps:\n  - read: {lab: 3}', /:2:12: Unknown field lab; use vm, lba.* Did you mean lba\?/],
	['steps:\n  - read: {lba: x}', /:2:17: lba is "x"; expected an integer/],
	[
		'steps:\n  - read:\n      vm: vm0\n      sectors: 0',
		/:4:16: sectors is 0; expected an integer from 1 to 32768\./,
	],
	['steps:\n  - read: {sectors: 9e99}', /:2:21: sectors is 9e\+99; expected an integer/],
	['steps:\n  - read: {segments: 9}', /:2:22: segments is 9; expected at most as many as sectors/],
	['steps:\n  - read: {gpa: 3}', /:2:17: gpa is 0x3; expected a multiple of 2/],
	['steps:\n  - read: [1]', /:2:11: read is a list; expected a map with vm, lba/],
	['steps:\n  - unload: 5', /:2:13: unload is 5; leave it empty/],
	[
		'steps:\n  - policy: kepp',
		/:2:13: Unknown policy kepp; use remove, keep or bounce\. Did you mean keep\?/,
	],
	['steps:\n  - policy:', /:2:12: policy is empty; use remove/],
	['steps:\n  - dma: {access: smell}', /:2:19: Unknown access smell; use write or read/],
	['steps:\n  - dma: {device: pt0}', /:2:19: Unknown device pt0; use xhci0, .* Did you mean ppt0\?/],
	['steps:\n  - dma: {device: 9:0:0}', /:2:19: There is no function at 9:0:0/],
	['steps:\n  - unplug: 9:0:0', /:2:13: There is no function at 9:0:0/],
	['steps:\n  - plug: {device: em0, rid: 5:0:0}', /:2:20: Device em0 exists; use a new name/],
	['steps:\n  - create: {name: vm0}', /:2:20: Guest vm0 exists; choose another name/],
	['steps:\n  - create: {name: vm2, memory: 1T}', /:2:33: memory is "1T"; write it as 64M or 1\.5G/],
	['steps:\n  - create: {name: vm2, memory: 200M}', /:2:33: vm2 needs 51200 pages, but the host has only/],
	['steps:\n  - create: {name: vm2, modle: nvme}', /:2:25: Unknown field modle; .* Did you mean model\?/],
	['steps:\n  - create: {name: kernel}', /:2:20: name is "kernel"; another owner of memory has that name/],
	['steps:\n  - {read: {}, boot: vm0}', /:2:16: the step has two commands, read and boot/],
	['steps:\n  - expect: {data: lost}', /:2:5: the step has no command/],
	['steps:\n  - write: {}', /:2:12: The disk is open read-only; start dmascope with --overlay/],
	['steps:\n  - work: {count: 0}', /:2:19: count is 0; expected an integer from 1 to 10000/],
	['steps:\n  - work: {count: 5, writes: 10}', /:2:30: The disk is open read-only/],
	['machine: 5\nsteps:\n  - boot: vm0', /:1:10: machine is 5; expected a map with iommu/],
	['machine: {plicy: keep}\nsteps:\n  - boot: vm0', /:1:11: Unknown field plicy; .* Did you mean policy\?/],
	['machine: {iommu: vtd}\nsteps:\n  - boot: vm0', /:1:18: Unknown iommu vtd; use .* Did you mean vt-d\?/],
	['machine: {hostPtp: yes}\nsteps:\n  - boot: vm0', /:1:20: hostPtp is "yes"; use true or false/],
	['machine: {pptdevs: [4:0:0, 4/0/0]}\nsteps:\n  - boot: vm0', /:1:28: 4:0:0 appears twice/],
	[
		'machine: {pptdevs: [0:31:2]}\nsteps:\n  - boot: vm0',
		/:1:21: 0:31:2 is ahci0, which stays with the host/,
	],
	['machine: {guests: [{name: a}, {name: a}]}\nsteps:\n  - boot: a', /:1:38: guests has a twice/],
	[
		'machine:\n  guests:\n    - {name: a, passthru: [ppt1]}\nsteps:\n  - boot: a',
		/:3:28: a cannot have ppt1: there is no such device; .* Did you mean ppt0\?/,
	],
	[
		'machine:\n  guests:\n    - {name: a, disk: ada0p7}\nsteps:\n  - boot: a',
		/:3:23: Unknown partition ada0p7 .* Did you mean ada0p1\?/,
	],
	[
		'machine:\n  guests:\n    - {name: a, disk: sda}\nsteps:\n  - boot: a',
		/:3:23: disk is "sda"; use ada0 \(raw\)/,
	],
	[
		'machine:\n  guests: [{name: a, memory: 2G}]\nsteps:\n  - boot: a',
		/:2:30: memory of a is 2G; expected whole pages from 4M to the host’s 256M/,
	],
	// Each makes sense at the start, but not once its step is reached.
	['steps:\n  - destroy: vm0\n  - boot: vm0', /:3:11: Unknown guest vm0; use vm1/],
	['steps:\n  - unplug: em0\n  - dma: {device: em0}', /:3:19: Unknown device em0; use xhci0, ahci0 or ppt0/],
	[
		'steps:\n  - unload:\n  - destroy: vm0\n  - destroy: vm1\n  - unload:\n  - invalidate:',
		/:6:16: There is no domain/,
	],
	['steps:\n  - start: {guests: []}\n  - work: 5', /:3:11: There is no guest to work/],
	// YAML itself.
	['steps: [', /:1:9: not YAML: .*; check the indentation, and that every bracket/],
	['steps:\n\t- boot: vm0', /:2:1: not YAML: Tabs/],
	['steps:\n  - boot: vm0\n    boot: vm1', /:3:5: "boot" appears twice; remove one/],
	['name: a: b', /:1:7: not YAML: .*quotes/],
	['name: a\n---\nname: b', /:2:1: not YAML: .*remove the line with ---/],
	['name: !thing a', /:1:7: not YAML: Unresolved tag/],
	['steps:\n  - boot: *a', /:2:11: \*a is not defined; write &a before it/],
	['steps: &a [*a]', /:1:12: \*a is not defined/],
	['? [1]\n: 2', /:1:3: expected a word before the colon/],
	['%YAML 1.1\n---\nname: !!set {a}', /:3:7: not YAML: Unresolved tag/],
	[`name: ${'['.repeat(200)}`, /:1:\d+: the file is nested too deeply here/],
	['name: a\0b', /:1:8: not a UTF-8 text file/],
];
for (const [text, message] of WRONG) {
	test(`a wrong scenario is refused before the first step: ${JSON.stringify(text.slice(0, 70))}`, t => {
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
	['5', /:3:13: expect is 5; expected a map with data, path/],
	['{colour: red}', /:3:14: Unknown field colour; use data, path/],
	['{dat: lost}', /:3:14: Unknown field dat; .* Did you mean data\?/],
	['{constructor: 1}', /:3:14: Unknown field constructor/],
	['{data: [1]}', /:3:20: data is a list; use delivered, lost, torn, failed or unchecked/],
	['{data: lots}', /:3:20: Unknown data lots; use delivered.* Did you mean lost\?/],
	['{data: }', /:3:20: data is empty/],
	['{landed: "0"}', /:3:22: landed is "0"; expected an integer ≥ 0/],
	['{faults: -1}', /:3:22: faults is -1; expected an integer/],
	['{bootable: maybe}', /:3:24: bootable is "maybe"; use true or false/],
	['{reason: not maped}', /:3:22: Unknown reason "not maped"; .* Did you mean not mapped\?/],
	['{reason: 999}', /:3:22: reason is 999; expected an integer from 0 to 255/],
	['{page: {hpa: 0}}', /:3:20: owner is missing; expected text/],
	['{page: [{hpa: 0, owner: a}, {hp: 0, owner: a}]}', /:3:42: Unknown field hp; use hpa, owner/],
	['{walk: {gives: falt}}', /:3:28: Unknown gives falt; .* Did you mean fault\?/],
	['{walk: {device: ahci9, gives: fault}}', /:3:29: Unknown device ahci9; .* Did you mean ahci0\?/],
	['{walk: {iova: 1}}', /:3:20: gives is missing/],
	['{console: [a, {}]}', /:3:27: console is a map; expected text/],
	[
		'{equals: 1}',
		/:3:22: equals is 1, which is not an earlier step that moves data; no earlier step moves data/,
	],
	['{equals: 0}', /:3:22: equals is 0; expected an integer from 1/],
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

test('a step refuses an expectation that it cannot have', t => {
	const policy = 'steps:\n  - policy: keep\n    expect: ';
	assert.throws(
		() => parse(t, `${policy}{walk: {gives: fault}}`),
		/:3:20: policy puts no address on the bus/,
	);
	assert.throws(() => parse(t, `${policy}{equals: 1}`), /:3:22: equals needs a step that moves data/);
	parse(t, `${policy}{walk: {device: ahci0, iova: 0, gives: memory}}`);
});

test('the version is optional, and a story has several lines', t => {
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

test('a default depends on the machine at that step: the first guest that is left', t => {
	const {steps} = parse(
		t,
		'steps:\n  - destroy: vm0\n  - boot:\n  - read: {}\n  - attach: em0\n  - detach: ppt1\n',
	);
	assert.deepEqual(steps[1].command, {do: 'boot', vm: 'vm1'});
	assert.equal(steps[2].text, 'read vm1 LBA 0, 8 sectors, 1 segment');
});

test('a YAML alias stands for its anchor', t => {
	const {steps} = parse(t, 'steps:\n  - read: &r {vm: vm1}\n  - read: *r\n');
	assert.deepEqual(steps[1].command, steps[0].command);
	assert.throws(() => parse(t, 'steps:\n  - read: &r {vm: vm1}\n  - dma: *r\n'), /:2:15: Unknown field vm/);
});

test('aliases that would exhaust memory are refused at once', t => {
	const levels = Array.from(
		{length: 40},
		(_, i) => `a${i}: &a${i} [${i === 0 ? '1' : `*a${i - 1}, *a${i - 1}`}]`,
	);
	assert.throws(() => parse(t, levels.join('\n')), /s\.yaml:2:10: these aliases expand to too much/);
});

test('a cyclic anchor, too many aliases, and aliases of a long list are refused at once', t => {
	const distinct = Array.from({length: 20_000}, (_, i) => `- &a${i} x\n- *a${i}`).join('\n');
	const wide = `a: &a [${'x, '.repeat(2000)}]\nb: [${'*a, '.repeat(900)}]`;
	// The package's own check would take a minute.
	soon(5000, () => {
		assert.throws(() => parse(t, 'steps:\n  - read: &r {vm: *r}'), /:2:19: \*r is not defined/);
		assert.throws(() => parse(t, distinct), /:\d+:3: the file has too many aliases; use at most 1000/);
		assert.throws(() => parse(t, wide), /:2:5: these aliases expand to too much/);
	});
});

test('many keys and long words are refused at once', t => {
	const keys = Array.from({length: 20_000}, (_, i) => `k${i}: 1`).join('\n');
	assert.throws(() => parse(t, keys), /:1:1: Unknown field k0/);
	assert.throws(() => parse(t, `${'x'.repeat(1000)}: 1`), /Unknown field "x{50,60}…;/);
});

test('two megabytes of signs are refused at once, or within seconds', t => {
	const MOST = 2 ** 21;
	const refused: [string, RegExp][] = [
		[',', /:1:1: not YAML: /],
		['[', /:1:\d+: the file is nested too deeply here/],
		['- ', /:1:\d+: the file is nested too deeply here/],
		['{a: ', /:1:\d+: the file is nested too deeply here/],
		['[a: a: a: ', /:1:\d+: /],
		['a: b: ', /:1:\d+: the file is nested too deeply here/],
		['&a ', /:1:4: not YAML: A node can have at most one anchor/],
		['- a\n', /:\d+:\d: the file is too long/],
	];
	const texts = refused.map(([sign, pattern]) => [sign.repeat(MOST / sign.length), pattern] as const);
	texts.push([`[${','.repeat(2 ** 20 - 8)}`, /:1:3: not YAML: Unexpected , /]);
	for (const [text, pattern] of texts) {
		const what = text.slice(0, 10);
		soon(10_000, () => assert.throws(() => parse(t, text), pattern, what), what);
	}
});

test('a session of 10,000 steps with all their expectations is read', () => {
	const step = '  - read: { vm: vm0, lba: 79992, sectors: 8, segments: 1, gpa: 0x400000 }\n';
	const expect = '    expect: { data: delivered, path: direct, bytes: 4096, landed: 4096, faults: 0 }\n';
	const text = `steps:\n${(step + expect).repeat(10_000)}`;
	assert.ok(text.length < 2 ** 21);
	assert.equal(parseHead('s.yaml', text).steps, 10_000);
});

test('a mangled scenario is parsed, or refused with one sentence', t => {
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

test('an unknown scenario is refused with the names of the shipped ones', () => {
	assert.throws(
		() => findScenario('tuor'),
		/Unknown scenario tuor; name a file or a shipped scenario: .*pr-260178.* Did you mean tour\?/,
	);
	assert.throws(
		() => findScenario('/'),
		/^Error: \/ is a directory, not a regular file; name a file or a shipped scenario: /,
	);
	assert.throws(
		() => findScenario('/dev/zero'),
		/^Error: \/dev\/zero is a character device, not a regular file; name a file/,
	);
});

test('each shipped scenario has the name of its file, and a first sentence for lists', () => {
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
