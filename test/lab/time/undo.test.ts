// A disk that fails while it is put back: what it held is not lost, and each way out is taken.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {type Random, seededRandom} from '../../../source/lab/build/random.js';
import type {Lab} from '../../../source/lab/lab.js';
import type {LabHistory} from '../../../source/lab/time/history.js';
import type {OldBlocks} from '../../../source/lab/time/undo-file.js';
import {undoScript} from '../../../source/lab/time/undo-file.js';
import {UserError} from '../../../source/user-error.js';
import {folder, MIB, openTestLab, randomImage} from '../../helpers/lab.js';
import {differences} from '../../helpers/same.js';

/** A lab on a disk that is written to, with a mark after each step. What is saved goes to a folder of the test's own. */
function open(t: TestContext, bytes = MIB) {
	const state = folder(t);
	const before = process.env.XDG_STATE_HOME;
	process.env.XDG_STATE_HOME = state;
	t.after(() => {
		if (before === undefined) delete process.env.XDG_STATE_HOME;
		else process.env.XDG_STATE_HOME = before;
	});
	const {file, content} = randomImage(t, bytes);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, writable: true});
	let now = 0;
	const history = lab.keepHistory(() => (now += 20));
	return {lab, history, file, content, state};
}

const write = (lab: Lab, lba: number, sectors = 8) =>
	lab.dispatch({do: 'write', vm: 'vm1', lba, sectors, segments: 1, gpa: lab.defaultGpa});

/** From now on writes that put the disk back fail as `random` has it, and may have an effect or not. */
function failWrites(t: TestContext, lab: Lab, fails: Random) {
	const real = fs.writeSync;
	const fake = (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
		if (fd !== lab.disk.fd || fails() >= 0.5) return real(fd, bytes, offset, length, position);
		real(fd, bytes, offset, Math.floor((fails() * length) / 512) * 512, position);
		throw Object.assign(new Error('EIO: i/o error, write'), {code: 'EIO'});
	};
	return t.mock.method(fs, 'writeSync', fake);
}

const always: Random = Object.assign(() => 0, {state: 0});

function failsToGo(history: LabHistory, at: number): void {
	assert.throws(() => history.go(at), {
		constructor: UserError,
		message: /^The disk is only partly restored: \d+ of \d+ blocks?: EIO: i\/o error, write\.$/,
	});
}

test('a disk that fails while it is put back is saved to a file, and put back when that is tried again', t => {
	const {lab, history, file, content, state} = open(t);
	write(lab, 0);
	write(lab, 100, 3);
	write(lab, 4, 700);
	const written = fs.readFileSync(file);
	const full = failWrites(t, lab, always);
	failsToGo(history, 0);
	const undo = history.unsettled?.file ?? '';
	assert.ok(undo.startsWith(path.join(state, 'dmascope', 'undo-')));
	assert.equal(fs.statSync(undo).mode & 0o777, 0o600);
	assert.match(
		history.rescue() ?? '',
		/random\.img is only partly restored: 0 of 88 blocks\. To restore its old blocks: sh .*undo-.*\.sh .*random\.img$/,
	);
	// Nothing can be done to a disk that is neither old nor new.
	for (const done of [() => write(lab, 50), () => [...lab.compare({do: 'work', count: 1})]])
		assert.throws(done, {
			constructor: UserError,
			message: /^The disk is only partly restored: 0 of 88 blocks; go back/,
		});
	assert.equal(history.length, 3);
	failsToGo(history, 3);
	full.mock.restore();
	// The file puts it back without dmascope.
	const copy = path.join(folder(t), 'copy of it.img');
	fs.copyFileSync(file, copy);
	execFileSync('sh', [undo, copy]);
	assert.ok(fs.readFileSync(copy).equals(content));

	assert.equal(history.go(0), undefined);
	assert.equal(history.unsettled, undefined);
	assert.equal(history.rescue(), undefined);
	assert.deepEqual(fs.readdirSync(path.join(state, 'dmascope')), []);
	assert.ok(fs.readFileSync(file).equals(content));
	assert.equal(history.go(3), undefined);
	assert.ok(fs.readFileSync(file).equals(written));
});

test('back and forward on a disk that fails at random: machine and disk match a fresh replay', t => {
	const {lab, history, file, content} = open(t, 4 * MIB);
	const random = seededRandom(8);
	const images = [content];
	for (let i = 0; i < 12; i++) {
		write(lab, Math.floor(random() * 5000), 1 + Math.floor(random() * 600));
		images.push(fs.readFileSync(file));
	}
	const fails = seededRandom(3);
	failWrites(
		t,
		lab,
		Object.assign(() => fails() * 60, {state: 0}),
	);
	let failures = 0;
	for (let jump = 0; jump < 15; jump++) {
		const at = Math.floor(random() * 13);
		for (;;) {
			try {
				history.go(at);
				break;
			} catch (error) {
				assert.ok(error instanceof UserError);
				failures++;
				const undo = history.unsettled?.file ?? '';
				const copy = `${file}.copy`;
				fs.copyFileSync(file, copy);
				execFileSync('sh', [undo, copy]);
				assert.ok(fs.readFileSync(copy).equals(content), 'the file does not put it back');
			}
		}
		assert.ok(fs.readFileSync(file).equals(images[at]), `at ${at}`);
	}
	assert.ok(failures > 5, `${failures} failures`);
	t.mock.restoreAll();
	history.go(12);
	const fresh = openTestLab(t, {hostMemory: 64 * MIB, disk: randomImage(t, 4 * MIB).file, writable: true});
	for (let number = 1; number <= 12; number++)
		fresh.dispatch(history.step(number)?.command ?? {do: 'unload'});
	assert.deepEqual(differences(lab, fresh), []);
});

test('if the disk cannot be read before it is restored, disk and session stay unchanged', t => {
	const {lab, history, file} = open(t);
	write(lab, 0);
	const written = fs.readFileSync(file);
	const broken = t.mock.method(fs, 'readSync', () => {
		throw new Error('EIO: i/o error, read');
	});
	assert.throws(
		() => history.go(0),
		/^Error: The disk cannot be read: EIO: i\/o error, read; nothing was changed\.$/,
	);
	broken.mock.restore();
	assert.equal(history.unsettled, undefined);
	assert.ok(fs.readFileSync(file).equals(written));
	write(lab, 20);
	history.go(0);
	history.go(2);
	assert.equal(history.length, 2);
});

test('blocks that cannot be saved automatically are saved to a file that the user names', t => {
	const {lab, history, file, content} = open(t);
	write(lab, 0);
	assert.equal(history.hasUndo, true);
	process.env.XDG_STATE_HOME = '/proc/none';
	const temporary = t.mock.method(fs, 'mkdirSync', () => {
		throw new Error('no space left');
	});
	const full = failWrites(t, lab, always);
	failsToGo(history, 0);
	temporary.mock.restore();
	assert.match(history.unsettled?.unsaved ?? '', /no space left/);
	const undo = path.join(folder(t), "it's mine.sh");
	history.writeUndo(undo);
	assert.equal(history.unsettled?.unsaved, undefined);
	assert.match(history.rescue() ?? '', /sh '.*it'\\''s mine\.sh' .*random\.img$/);
	full.mock.restore();
	history.go(0);
	assert.ok(fs.existsSync(undo), 'the file of a person stays');
	assert.ok(fs.readFileSync(file).equals(content));
	assert.equal(history.hasUndo, false);
});

test('a script puts back runs of blocks, and the last one of a disk that is shorter, whatever its name is', t => {
	const random = seededRandom(2);
	const before = Buffer.alloc(100 * 4096 + 1536);
	for (let i = 0; i < before.length; i++) before[i] = Math.floor(random() * 256);
	const blocks = [0, 1, 2, 40, 60, 61, 99, 100].map(
		block => [block, before.subarray(block * 4096, Math.min(before.length, (block + 1) * 4096))] as const,
	);
	const old: OldBlocks = {disk: '/dev/x\nrm -rf "$HOME"; \u2028`true`', blocks};
	const dir = folder(t);
	const script = path.join(dir, 'undo.sh');
	fs.writeFileSync(script, undoScript(old));
	const disk = path.join(dir, 'disk');
	const damaged = Buffer.from(before);
	for (const [block, bytes] of blocks) damaged.fill(0, block * 4096, block * 4096 + bytes.length);
	fs.writeFileSync(disk, damaged);
	assert.match(execFileSync('sh', [script, disk], {encoding: 'utf8'}), /restored 8 blocks/);
	assert.ok(fs.readFileSync(disk).equals(before));
	const text = fs.readFileSync(script, 'latin1').split('\nexit\n')[0];
	assert.equal(text.split('\n').filter(line => line.startsWith('put ')).length, 4);
	assert.ok(text.split('\n')[1].startsWith('# 8 blocks of the disk "/dev/x\\nrm'));
	for (const words of [[], [path.join(dir, 'none')], [disk, disk]])
		assert.throws(() => execFileSync('sh', [script, ...words], {stdio: 'pipe'}), /Usage: sh/);
});
