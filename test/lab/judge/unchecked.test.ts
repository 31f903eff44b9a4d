import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {ReportFile} from '../../../source/cli/junit.js';
import {runScenarios} from '../../../source/cli/run.js';
import {diagnose} from '../../../source/explain/diagnosis.js';
import {snapshotJson, snapshotLines} from '../../../source/explain/snapshot.js';
import {verdictText} from '../../../source/lab/judge/chain.js';
import {workText} from '../../../source/lab/judge/work.js';
import type {Lab} from '../../../source/lab/lab.js';
import {outcomeJson} from '../../../source/lab/scenario/step-report.js';
import type {DiskCommand} from '../../../source/machine/command.js';
import {failReads, fault, realRead} from '../../helpers/failing-disk.js';
import {folder, MIB, openTestLab, randomImage, read, transfer} from '../../helpers/lab.js';
import {linesText} from '../../helpers/lines.js';

/** A lab on an image that guests may write. */
function writableLab(t: TestContext): {lab: Lab; file: string} {
	const {file} = randomImage(t, 2 * MIB);
	return {lab: openTestLab(t, {disk: file, writable: true, policy: 'keep', hostMemory: 64 * MIB}), file};
}

const WRITE: DiskCommand = {do: 'write', vm: 'vm0', lba: 100, sectors: 8, segments: 1, gpa: 0x40_0000};
const NOTE = 'Cannot be checked: reading the disk back failed (EIO).';

test('a write that arrives on a disk that cannot be read back is neither lost nor delivered', t => {
	const {lab, file} = writableLab(t);
	const before = fs.readFileSync(file);
	const mend = failReads(t);
	const outcome = lab.dispatch(WRITE);
	mend();
	assert.ok(outcome.kind === 'transfer');
	const {data, landed, note, chain} = outcome.transfer;
	assert.deepEqual([data, landed, note], ['unchecked', undefined, NOTE]);
	assert.equal(outcome.report, NOTE);
	assert.equal(chain.at(-1)?.full, 'cannot be checked: the disk cannot be read back');
	assert.deepEqual(JSON.parse(JSON.stringify(outcomeJson(outcome))), {
		data: 'unchecked',
		path: 'direct',
		bytes: 4096,
		faults: 0,
	});
	const after = fs.readFileSync(file);
	assert.ok(!after.subarray(100 * 512, 108 * 512).equals(before.subarray(100 * 512, 108 * 512)));
	assert.match(after.toString('latin1', 100 * 512, 101 * 512), /^written by vm0/);

	const state = lab.state();
	assert.equal(state.tally.unchecked, 1);
	assert.equal(state.tally.lost, 0);
	assert.match(
		linesText(snapshotLines(lab)),
		/unchecked direct, \? of 4,096 bytes, 0 faults\n {6}Cannot be checked/,
	);
	const shot = JSON.parse(JSON.stringify(snapshotJson(lab)));
	assert.equal(shot.transfers.at(-1).data, 'unchecked');
	assert.ok(!('landed' in shot.transfers.at(-1)));
	assert.deepEqual(
		diagnose(lab.memory, state, []).map(({id}) => id),
		['unchecked:vm0'],
	);
	assert.match(
		verdictText({...outcome.transfer, note: undefined}),
		/^vm0 UNCHECKED: every layer reported success; \? of 4,096 bytes reached the disk$/,
	);
});

test('a delete and a read that success was reported of cannot be checked either; a refused one has failed', t => {
	const {lab} = writableLab(t);
	const mend = failReads(t);
	assert.equal(transfer(lab, {...WRITE, do: 'delete'}).data, 'unchecked');
	if (lab.state().disk?.direct) assert.equal(read(lab, 'vm0').data, 'unchecked');
	t.mock.method(fs, 'readvSync', () => {
		throw fault();
	});
	const failed = read(lab, 'vm0');
	assert.deepEqual([failed.data, failed.landed], ['failed', undefined]);
	assert.match(failed.note ?? '', /EIO/);
	mend();
});

test('a failure just before the transfer leaves it unchecked too: nothing distinguished the buffer from the disk', t => {
	const {lab} = writableLab(t);
	let reads = 0;
	t.mock.method(fs, 'readSync', (...args: Parameters<typeof fs.readSync>) => {
		if (reads++ === 0) throw fault();
		return realRead(...args);
	});
	assert.deepEqual([transfer(lab, WRITE).data, reads > 1], ['unchecked', true]);
	assert.equal(transfer(lab, WRITE).data, 'delivered');
});

test("guests' own requests that cannot be checked are counted as such, and their bytes as neither", t => {
	const {lab} = writableLab(t);
	const mend = failReads(t);
	const outcome = lab.dispatch({do: 'work', count: 20, writes: 100});
	mend();
	assert.ok(outcome.kind === 'work');
	const {data, tally, landed, lost} = outcome.work;
	assert.deepEqual([data, tally.unchecked, landed, lost], ['unchecked', 20, undefined, 0]);
	assert.match(workText(outcome.work), /^20 requests: 20 unchecked; \? of [\d.]+ KiB arrived$/);
	assert.equal(lab.state().transfers.at(-1)?.note, NOTE);
});

test('a comparison that could not put the disk back is not begun', t => {
	const {lab} = writableLab(t);
	const mend = failReads(t);
	assert.throws(() => [...lab.compare(WRITE)], {
		message: 'ada0 cannot be read (EIO), so a write could not be undone; compare a read.',
	});
	assert.throws(() => lab.diskBytes('vm0', 0, 512), {code: 'EIO'});
	mend();
});

test('dmascope run: a step can be held to unchecked, and delivered is not met by it, in JUnit as on stderr', t => {
	const dir = folder(t);
	const [file, junit] = ['s.yaml', 'report.xml'].map(name => path.join(dir, name));
	const run = (data: string) => {
		fs.writeFileSync(
			file,
			`machine: {policy: keep}\nsteps:\n  - read: {vm: vm0}\n    expect: {data: ${data}}\n`,
		);
		fs.rmSync(junit, {force: true});
		const [out, err]: string[][] = [[], []];
		const mend = failReads(t);
		const print = (lines: string[]) => (line: string) => void lines.push(line);
		const code = runScenarios(
			[file],
			{flags: {writable: false}, junit: new ReportFile(junit)},
			print(out),
			print(err),
		);
		mend();
		return {code, out: out.join('\n'), err: err.join('\n'), xml: fs.readFileSync(junit, 'utf8')};
	};
	const held = run('unchecked');
	assert.deepEqual([held.code, held.err], [0, '']);
	assert.match(held.out, /✓ .* unchecked \w+ +\? of 4,096 bytes, 0 faults/);
	const broken = run('delivered');
	assert.equal(broken.code, 1);
	assert.match(broken.err, /expected data delivered, got unchecked/);
	assert.match(broken.xml, /expected data delivered, got unchecked/);
});
