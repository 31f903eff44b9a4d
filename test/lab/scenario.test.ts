import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {commandText} from '../../source/lab/command-text.js';
import {runScenario} from '../../source/lab/run.js';
import {
	findScenario,
	outcomeJson,
	parseScenario,
	type Setting,
	shippedScenarios,
	unmet,
} from '../../source/lab/scenario.js';
import {defaultSpec} from '../../source/lab/spec.js';
import {UserError} from '../../source/user-error.js';
import {folder, MIB, openTestLab} from '../helpers/lab.js';

type Context = Parameters<typeof folder>[0];

const SETTING: Setting = {base: defaultSpec(256 * MIB), override: machine => machine, writable: false};

function run(_t: Context, nameOrPath: string, json = true) {
	const out: string[] = [];
	const err: string[] = [];
	const code = runScenario(
		{writable: false},
		nameOrPath,
		json,
		line => out.push(line),
		line => err.push(line),
	);
	return {code, out, err};
}

function file(t: Context, text: string): string {
	const made = path.join(folder(t), 'test.yaml');
	fs.writeFileSync(made, text);
	return made;
}

for (const name of shippedScenarios()) {
	test(`${name} ships, holds, and prints the same bytes each time`, t => {
		const first = run(t, name);
		assert.equal(first.code, 0, first.err.join('\n'));
		assert.deepEqual(run(t, name).out, first.out);
		for (const line of first.out) JSON.parse(line);
		assert.match(first.out.at(-1) ?? '', /^{"summary":{.*"broken":0}}$/);
	});
}

test('every expectation of pr-260178 matters: changed, it breaks with the line of its step', t => {
	const {text} = findScenario('pr-260178');
	const lines = text.split('\n');
	const expecting = lines.flatMap((line, i) => (line.includes('expect:') ? [i] : []));
	assert.ok(expecting.length > 15);
	for (const [from, to] of [
		['data: lost', 'data: delivered'],
		['data: delivered', 'data: lost'],
		['way: direct', 'way: bounced'],
		['landed: 32768', 'landed: 4096'],
		['faults: 8', 'faults: 9'],
		['bootable: true', 'bootable: false'],
	]) {
		const at = expecting.find(i => lines[i].includes(from));
		assert.ok(at !== undefined, from);
		const changed = lines.with(at, lines[at].replace(from, to));
		const {code, err} = run(t, file(t, changed.join('\n')));
		assert.equal(code, 1);
		assert.equal(err.length, 1);
		assert.match(err[0], new RegExp(`test.yaml:${at}: step \\d+, .*: ${to.split(':')[0]} was to be`));
	}
});

test('the lines for people say what was asked and what came of it', t => {
	const scenario =
		'steps:\n  - read: {vm: vm0}\n    expect: {data: delivered}\n  - policy: keep\n  - boot: vm0\n';
	const {out, err, code} = run(t, file(t, scenario), false);
	assert.equal(code, 1);
	assert.match(out[0], /^ {2}1 ✗ read vm0 LBA 0 ×8 in 1 +lost +direct +0 of 4,096 bytes, 1 fault$/);
	assert.equal(out[1], '  2 ✓ policy keep');
	assert.match(out[2], /boot vm0 +delivered direct .*; 2: FreeBSD UFS/);
	assert.match(err[0], /test.yaml:2: step 1, read vm0 LBA 0 ×8 in 1: data was to be delivered and is lost$/);
});

const WRONG: [string, RegExp][] = [
	['', /:1:1: a scenario is a map/],
	['steps: []', /at least one step/],
	['steps: 5', /:1:8: steps is a list/],
	['name: x\nsteps:\n  - 5', /:3:5: a step is one of/],
	['steps:\n  - red: {vm: vm0}', /:2:5: "red" is no step; a step is one of read, write/],
	['steps:\n  - read: {vm: vm7}', /:2:11: vm is "vm7"; it may be vm0, vm1/],
	['steps:\n  - read: {lab: 3}', /read has no field "lab"; it takes vm, lba/],
	['steps:\n  - read: {lba: x}', /lba is "x"; it takes a number/],
	['steps:\n  - read: {sectors: 0}', /sectors is 0; it may be a whole number from 1/],
	['steps:\n  - read: [1]', /read takes fields/],
	['steps:\n  - policy: kepp', /policy is "kepp"; it may be remove, keep, bounce/],
	['steps:\n  - dma: {access: smell}', /access is "smell"; it may be write, read/],
	['steps:\n  - {read: {}, boot: vm0}', /a step is one command; this one is read and boot/],
	['steps:\n  - expect: {data: lost}', /has no command/],
	['steps:\n  - read: {}\n    expect: {colour: red}', /:3:13: nothing is known of "colour"/],
	['steps:\n  - read: {}\n    expect: {data: [1]}', /data is \[1\]; it may be delivered, lost, torn, failed/],
	['steps:\n  - write: {}', /read-only; start dmascope with --writable/],
	['steps:\n  - work: {count: 0}', /count is 0; it may be a whole number from 1 to 10000/],
	['steps:\n  - work: {count: 5, writes: 10}', /read-only; start dmascope with --writable/],
	['steps: [', /:1:/],
	['steps:\n  - read: {}\n    expect: {data: lots}', /data is "lots"; it may be delivered/],
	['steps:\n  - read: {}\n    expect: {landed: "0"}', /landed is "0"; it may be a number/],
	['tale: x\nsteps:\n  - boot: vm0', /"tale" is no part of a scenario/],
];
for (const [text, message] of WRONG) {
	test(`a wrong scenario is refused before its first step: ${JSON.stringify(text)}`, () => {
		assert.throws(
			() => parseScenario('s.yaml', text, SETTING),
			(error: unknown) => {
				assert.ok(error instanceof UserError);
				assert.match(error.message, message);
				assert.match(error.message, /^s\.yaml:\d+:\d+: /);
				return true;
			},
		);
	});
}

test('the work of guests is a step, and what it came to can be expected', t => {
	const work = {data: 'lost', bytes: 3186688, landed: 2097152, faults: 266};
	const text = `steps:\n  - work: 300\n    expect: ${JSON.stringify(work)}\n  - work: {}\n`;
	const {steps} = parseScenario('s.yaml', text, SETTING);
	assert.deepEqual(
		steps.map(({text}) => text),
		['work 300 requests', 'work 100 requests'],
	);
	const lab = openTestLab(t);
	const outcome = outcomeJson(lab.dispatch(steps[0].command));
	assert.deepEqual(outcome, work);
	assert.deepEqual(unmet(steps[0], outcome), []);
	assert.equal(commandText({do: 'work', count: 1, writes: 20}), 'work 1 request, 20% writes');
});

test('a YAML alias is what it stands for', () => {
	const text = 'steps:\n  - read: &r {vm: vm1}\n  - read: *r\n';
	const {steps} = parseScenario('s.yaml', text, SETTING);
	assert.deepEqual(steps[1].command, steps[0].command);
});

test('a mangled scenario is read or refused with a sentence', () => {
	const {text} = findScenario('pr-260178');
	fc.assert(
		fc.property(fc.nat(text.length - 1), fc.nat(20), fc.string({maxLength: 5}), (at, cut, insert) => {
			try {
				parseScenario('s.yaml', text.slice(0, at) + insert + text.slice(at + cut), SETTING);
			} catch (error) {
				assert.ok(error instanceof UserError, String(error));
			}
		}),
		{seed: 8, numRuns: 300},
	);
});

test('a scenario that is not there is said to be missing, with those that are', () => {
	assert.throws(
		() => findScenario('nope'),
		/There is no scenario nope; name a file or one of those that ship: .*pr-260178/,
	);
	assert.throws(() => findScenario('/'), UserError);
});
