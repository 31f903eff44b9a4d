import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {ReportFile} from '../../source/cli/junit.js';
import {checkScenarios, type RunOptions, runScenarios} from '../../source/cli/run.js';
import {buildGpt} from '../../source/formats/gpt.js';
import {sampleDisk} from '../../source/lab/build/sample-disk.js';
import {findScenario, shippedScenarios} from '../../source/lab/scenario/find.js';
import {machineSet} from '../../source/lab/scenario/machine-fields.js';
import {folder} from '../helpers/lab.js';
import {readXml} from '../helpers/xml.js';

type Ran = {code: number; out: string[]; err: string[]};

function run(words: readonly string[], options: Partial<RunOptions> = {}, does = runScenarios): Ran {
	const out: string[] = [];
	const err: string[] = [];
	const code = does(
		words,
		{flags: {writable: false}, json: true, ...options},
		line => out.push(line),
		line => err.push(line),
	);
	return {code, out, err};
}

function file(t: TestContext, text: string, name = 'test.yaml'): string {
	const made = path.join(folder(t), name);
	fs.writeFileSync(made, text);
	return made;
}

for (const name of shippedScenarios()) {
	test(`${name} ships, holds, and prints the same bytes each time`, () => {
		const first = run([name]);
		assert.equal(first.code, 0, first.err.join('\n'));
		assert.deepEqual(run([name]).out, first.out);
		for (const line of first.out) JSON.parse(line);
		assert.match(first.out.at(-1) ?? '', /^{"schemaVersion":1,"summary":{.*"broken":0}}$/);
	});
}

/** A step that starts a machine names its family. */
const unnamed = ({code, out, err}: ReturnType<typeof run>) => ({
	code,
	err,
	out: out.map(line => line.replace(/"iommu":"(vt-d|amd-vi)"/, '')),
});

/** Of these, the story depends on the family: which faults are logged, what becomes of a device, host_ptp. */
const OF_ONE_FAMILY = ['amd-vi', 'device-after-vm', 'failed-bind-leak', 'host-ptp-off', 'reload'];
for (const name of shippedScenarios().filter(name => !OF_ONE_FAMILY.includes(name))) {
	test(`${name} is the same story on both families of IOMMU, to the byte`, () => {
		const vtd = run([name], {set: machineSet(['iommu=vt-d'])});
		const amdvi = run([name], {set: machineSet(['iommu=amd-vi'])});
		assert.deepEqual(unnamed(amdvi), unnamed(vtd));
		assert.deepEqual(unnamed(run([name], {flags: {writable: false, iommu: 'amd-vi'}})), unnamed(vtd));
	});
}

test('all shipped scenarios run in one command, each line names its scenario, and a summary follows', () => {
	const names = shippedScenarios();
	const {code, out} = run(['all']);
	assert.equal(code, 0);
	const lines = out.map(line => JSON.parse(line));
	assert.deepEqual([...new Set(lines.slice(0, -1).map(line => line.file))], names);
	const summaries = lines.slice(0, -1).filter(line => line.summary);
	assert.deepEqual(
		summaries.map(({file, summary}) => [file, summary.scenario]),
		names.map(name => [name, name]),
	);
	const total = (key: string) => summaries.reduce((sum, {summary}) => sum + summary[key], 0);
	assert.deepEqual(lines.at(-1), {
		schemaVersion: 1,
		summary: {
			scenarios: names.length,
			steps: total('steps'),
			expectations: total('expectations'),
			held: total('held'),
			broken: 0,
		},
	});
	const alone = run(['tour']).out.map(line => JSON.parse(line));
	const among = lines.filter(line => line.file === 'tour').map(({file: _, ...line}) => line);
	assert.deepEqual(among, alone);
});

test('the form of a line, for programs', t => {
	const {out} = run([
		file(t, 'name: mine\nsteps:\n  - read: {vm: vm0}\n    expect: {faults: 1, data: delivered}\n'),
	]);
	assert.deepEqual(
		out.map(line => JSON.parse(line)),
		[
			{
				schemaVersion: 1,
				step: 1,
				command: {do: 'read', vm: 'vm0', lba: 0, sectors: 8, segments: 1, requests: 1, gpa: '0x01000000'},
				outcome: {
					data: 'lost',
					path: 'direct',
					bytes: 4096,
					landed: 0,
					copied: 0,
					faults: 1,
					pointer: '0x2801400000',
				},
				held: false,
			},
			{schemaVersion: 1, summary: {scenario: 'mine', steps: 1, expectations: 2, held: 1, broken: 1}},
		],
	);
});

test('every expectation of pr-260178 matters: if changed, it fails with the line of its step', t => {
	const {text} = findScenario('pr-260178');
	const lines = text.split('\n');
	const expecting = lines.flatMap((line, i) => (line.includes('expect:') ? [i] : []));
	assert.ok(expecting.length > 15);
	for (const [from, to] of [
		['data: lost', 'data: delivered'],
		['data: delivered', 'data: lost'],
		['path: direct', 'path: bounced'],
		['landed: 32768', 'landed: 4096'],
		['faults: 8', 'faults: 9'],
		['bootable: false', 'bootable: true'],
		['copied: 32768', 'copied: 0'],
		['equals: 2', 'equals: 3'],
		['missing: 16384', 'missing: 16383'],
		['reason: not mapped', 'reason: not allowed'],
	]) {
		const at = expecting.find(i => lines[i].includes(from));
		assert.ok(at !== undefined, from);
		const changed = lines.with(at, lines[at].replace(from, to));
		const {code, err} = run([file(t, changed.join('\n'))]);
		assert.equal(code, 1);
		assert.equal(err.length, 1, err.join('\n'));
		const step = lines.findLastIndex((line, i) => i < at && line.startsWith('  - ')) + 1;
		const [word] = from === 'equals: 2' ? ['the result'] : to.split(':');
		assert.match(err[0], new RegExp(`test.yaml:${step}: step \\d+, .*: expected ${word} `));
	}
});

test('the story holds on anybody’s disk, partitioned or empty', t => {
	const bytes = 8 * 1024 ** 2;
	const disk = path.join(folder(t), 'own.img');
	const {mbr, primary, entries} = buildGpt(bytes / 512, 'd34607d3-4607-4d34-a607-d34607d34611', [
		{
			typeGuid: '0fc63daf-8483-4772-8e79-3d69d8477de4',
			guid: 'd34607d3-4607-4d34-a607-d34607d34612',
			name: 'home of somebody',
			firstLba: 2048,
			lastLba: 8191,
		},
	]);
	for (const parts of [[], [mbr, primary, entries]]) {
		const content = Buffer.alloc(bytes);
		parts.forEach((part, i) => {
			content.set(part, i * 512);
		});
		fs.writeFileSync(disk, content);
		const {code, err} = run(['pr-260178'], {flags: {writable: false, disk}});
		assert.deepEqual([code, err], [0, []]);
		assert.ok(fs.readFileSync(disk).equals(content));
	}
});

test('a note is read before its step, in lines and in JSON', t => {
	const scenario = file(t, 'steps:\n  - policy: keep\n    note: What an audience is told.\n');
	const {out} = run([scenario], {json: false});
	assert.deepEqual(out.slice(0, 3), ['', '    What an audience is told.', '  1 ✓ policy keep']);
	assert.equal(JSON.parse(run([scenario]).out[0]).note, 'What an audience is told.');
});

test('the text lines show each request and its result', t => {
	const scenario =
		'steps:\n  - read: {vm: vm0}\n    expect: {data: delivered}\n  - policy: keep\n  - boot: vm0\n';
	const {out, err, code} = run([file(t, scenario)], {json: false});
	assert.equal(code, 1);
	assert.match(
		out[0],
		/^ {2}1 ✗ read vm0 LBA 0, 8 sectors, 1 segment +lost +direct +0 of 4,096 bytes, 0 copied, 1 fault; pointer 0x2801400000$/,
	);
	assert.equal(out[1], '  2 ✓ policy keep');
	assert.match(out[2], /boot vm0 +delivered direct .*; 2: FreeBSD UFS/);
	assert.match(out[3], /test\.yaml: 3 steps, 0 of 1 expectations held$/);
	assert.match(
		err[0],
		/test.yaml:2: step 1, read vm0 LBA 0, 8 sectors, 1 segment: expected data delivered, got lost$/,
	);
});

test('everything is checked before the first step, and every error is reported', t => {
	const good = file(t, 'steps:\n  - boot: vm0\n', 'good.yaml');
	const late = file(t, 'steps:\n  - destroy: vm0\n  - boot: vm0\n', 'late.yaml');
	const typo = file(t, 'stesp: []\n', 'typo.yaml');
	const report = path.join(folder(t), 'report.xml');
	const {code, out, err} = run([good, late, typo, 'nope'], {junit: new ReportFile(report)});
	assert.deepEqual([code, out], [2, []]);
	assert.equal(err.length, 3);
	assert.match(err[0], /^dmascope: .*late\.yaml:3:11: Unknown guest vm0; use vm1/);
	assert.match(err[1], /^dmascope: .*typo\.yaml:1:1: Unknown field stesp/);
	assert.match(err[2], /^dmascope: Unknown scenario nope/);
	assert.equal(fs.existsSync(report), false);
	const checked = run([good, late], {}, checkScenarios);
	assert.equal(checked.code, 2);
	assert.match(checked.out.join(), /^[^,]*good\.yaml: 1 step, 0 expectations$/);
	assert.equal(run(['all'], {}, checkScenarios).code, 0);
});

test('a part of the machine is set from the command line, and the rest is as the file has it', t => {
	const text =
		'machine: {policy: remove, pptdevs: [4:0:0, 5:0:0], guests: [{name: a, memory: 16M, passthru: ppt1}]}\n';
	const scenario = file(t, `${text}steps:\n  - read: {gpa: 0x400000}\n`);
	const dataOf = (...set: string[]) =>
		JSON.parse(run([scenario], {set: machineSet(set)}).out[0]).outcome.data;
	assert.equal(dataOf(), 'lost');
	assert.equal(dataOf('policy=keep'), 'delivered');
	assert.equal(dataOf('memory=512M'), 'lost');
	assert.equal(dataOf('iommu=none'), 'delivered');
	assert.equal(dataOf('guests=[{name: a, memory: 32M}]'), 'delivered');
	const {code, err} = run([scenario], {set: machineSet(['pptdevs=[4:0:0]'])});
	assert.equal(code, 2);
	assert.match(err[0], /test\.yaml:1:94: a cannot have ppt1: there is no such device.* Did you mean ppt0\?/);
	for (const [word, message] of [
		['policy', /--set policy has no value; write --set policy=keep/],
		['polcy=keep', /--set polcy=keep: Unknown field polcy; .* Did you mean policy\?/],
		['policy=kepp', /--set policy=kepp: Unknown policy kepp; .* Did you mean keep\?/],
		['memory=3', /--set memory=3: memory is 3; expected whole megabytes/],
		['pptdevs=[4', /--set pptdevs=\[4: Flow sequence/],
		['policy=', /--set policy=: policy is empty; use remove/],
		['guests=[{nam: a}]', /--set .*: Unknown field nam/],
	] as const)
		assert.throws(() => machineSet([word]), message);
	assert.throws(() => machineSet(['policy=keep', 'policy=remove']), /--set policy appears twice/);
});

test('a report for CI systems has a suite per scenario, a case per step, and the failures', t => {
	const report = path.join(folder(t), 'report.xml');
	const name = `<&"'\u0001\ud800 ]]> é`;
	const odd = file(
		t,
		`name: ${JSON.stringify(name)}\nsteps:\n  - read: {vm: vm0}\n    expect: {console: "]]>\\n<x>"}\n  - boot: vm1\n`,
	);
	assert.equal(run([odd, 'tour'], {junit: new ReportFile(report)}).code, 1);
	const written = fs.readFileSync(report, 'utf8');
	const all = readXml(written);
	assert.equal(all.name, 'testsuites');
	assert.deepEqual(all.attributes, {name: 'dmascope', tests: '12', failures: '1', errors: '0'});
	const [first, tour] = all.inside;
	assert.equal(first.attributes.name, name.replace('\u0001', '\ufffd').replace('\ud800', '\ufffd'));
	assert.deepEqual([first.attributes.tests, first.attributes.failures], ['2', '1']);
	const [read, boot] = first.inside;
	assert.deepEqual(
		[read.attributes.name, read.attributes.line, read.attributes.file],
		['1 read vm0 LBA 0, 8 sectors, 1 segment', '3', odd],
	);
	assert.match(read.inside[0].attributes.message, /^expected "]]>\\n<x>" on the console of vm0, got/);
	assert.match(read.inside[0].text, /test\.yaml:3: expected "]]>/);
	assert.deepEqual(boot.inside, []);
	assert.equal(tour.inside.length, 10);
	run([odd, 'tour'], {junit: new ReportFile(report, true)});
	assert.equal(fs.readFileSync(report, 'utf8'), written);
	assert.throws(
		() => run(['tour'], {junit: new ReportFile('/nope/there.xml')}),
		/^Error: \/nope\/there\.xml is in a folder that does not exist; choose another name\.$/,
	);
});

test('a report never replaces a file that the run reads, nor anything but a report', t => {
	const place = folder(t);
	const at = (name: string) => path.join(place, name);
	const disk = at('disk.img');
	fs.copyFileSync(sampleDisk(), disk);
	fs.linkSync(disk, at('hard.xml'));
	fs.symlinkSync(disk, at('link.xml'));
	const scenario = at('s.yaml');
	fs.writeFileSync(scenario, 'steps:\n  - boot: vm0\n');
	// A disk that begins as a report does, as dmascope itself once made of disks.
	const head = Buffer.from('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="dmascope" tests="1">');
	const descriptor = fs.openSync(disk, 'r+');
	fs.writeSync(descriptor, head, 0, head.length, 0);
	fs.closeSync(descriptor);
	const before = [disk, scenario].map(file => fs.readFileSync(file));
	const refused: [string, RegExp][] = [
		[disk, /disk\.img is read by this command; choose another name\.$/],
		[at('hard.xml'), /hard\.xml is read by this command/],
		[at('link.xml'), /link\.xml is a symbolic link/],
		[scenario, /s\.yaml is read by this command/],
		['/dev/null', /\/dev\/null is a character device/],
	];
	for (const [report, pattern] of refused)
		for (const force of [false, true])
			assert.throws(
				() => run([scenario], {flags: {writable: false, disk}, junit: new ReportFile(report, force)}),
				pattern,
			);
	assert.ok([disk, scenario].every((file, i) => fs.readFileSync(file).equals(before[i])));
	assert.throws(() => run(['tour'], {junit: new ReportFile(scenario, true)}), /is not a report of dmascope/);
	assert.deepEqual(fs.readdirSync(place).sort(), ['disk.img', 'hard.xml', 'link.xml', 's.yaml']);
});

test('under --watch a report replaces the one before it, without --force', t => {
	const scenario = file(t, 'steps:\n  - boot: vm0\n');
	const report = path.join(path.dirname(scenario), 'report.xml');
	const junit = new ReportFile(report);
	run([scenario], {junit});
	fs.writeFileSync(scenario, 'steps:\n  - boot: vm0\n  - boot: vm1\n');
	run([scenario], {junit});
	assert.equal(readXml(fs.readFileSync(report, 'utf8')).attributes.tests, '2');
	assert.throws(
		() => run([scenario], {junit: new ReportFile(report)}),
		/exists; choose another name, or add --force/,
	);
});

test('a scenario says for how much memory it is written', () => {
	const {code, err} = run(['pr-260178'], {flags: {writable: false, hostMemory: '512M'}});
	assert.equal(code, 2);
	assert.match(
		err[0],
		/pr-260178\.yaml:8:11: it is written for a host of 256M; run it with --host-memory 256M/,
	);
});
