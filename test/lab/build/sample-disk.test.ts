import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {sampleDisk} from '../../../source/lab/build/sample-disk.js';
import {folder} from '../../helpers/lab.js';

/** No home, and a folder for temporary files of the test's own. @returns where the sample disk goes then */
function homeless(t: TestContext) {
	const temporary = folder(t);
	for (const [name, value] of Object.entries({
		HOME: '/proc/none/none',
		TMPDIR: temporary,
		XDG_CACHE_HOME: '',
	})) {
		const before = process.env[name];
		process.env[name] = value;
		t.after(() => {
			if (before === undefined) delete process.env[name];
			else process.env[name] = before;
		});
	}
	const place = path.join(temporary, `dmascope-${process.geteuid?.()}`);
	return {temporary, place, disk: path.join(place, 'sample-disk-1.img')};
}

test('without a home the sample disk lies in a folder of this user alone, and is found there again', t => {
	const {place, disk} = homeless(t);
	assert.equal(sampleDisk(), disk);
	assert.deepEqual(fs.readdirSync(place), ['sample-disk-1.img']);
	assert.deepEqual([fs.statSync(place).mode & 0o777, fs.statSync(disk).mode & 0o777], [0o700, 0o600]);
	const {ino} = fs.statSync(disk);
	assert.equal(sampleDisk(), disk);
	assert.equal(fs.statSync(disk).ino, ino);
	// One that was cut short is made anew.
	fs.truncateSync(disk, 1 << 20);
	assert.equal(sampleDisk(), disk);
	assert.equal(fs.statSync(disk).size, 64 << 20);
});

test('a link, or a file of another kind, in place of the sample disk is left alone', t => {
	const {temporary, place, disk} = homeless(t);
	const victim = path.join(temporary, 'victim');
	fs.writeFileSync(victim, 'kept');
	fs.mkdirSync(place, {mode: 0o700});
	fs.symlinkSync(victim, disk);
	assert.throws(sampleDisk, /sample-disk-1\.img is a symbolic link\); name a disk with --disk\.$/);
	fs.rmSync(disk);
	fs.writeFileSync(disk, 'mine');
	assert.throws(sampleDisk, /exists and is not a sample disk\); name a disk/);
	assert.deepEqual([fs.readFileSync(victim, 'utf8'), fs.readFileSync(disk, 'utf8')], ['kept', 'mine']);
	assert.deepEqual(fs.readdirSync(place), ['sample-disk-1.img']);
});

test('a folder that is another’s, open to others, or a link is not used', t => {
	const {temporary, place} = homeless(t);
	const elsewhere = path.join(temporary, 'elsewhere');
	fs.mkdirSync(elsewhere, {mode: 0o700});
	fs.symlinkSync(elsewhere, place);
	assert.throws(sampleDisk, /dmascope-\d+ is not a directory\); name a disk/);
	fs.rmSync(place);
	fs.mkdirSync(place);
	fs.chmodSync(place, 0o777);
	assert.throws(sampleDisk, /dmascope-\d+ is open to other users\); name a disk/);
	if (process.geteuid?.() === 0) {
		fs.chmodSync(place, 0o700);
		fs.chownSync(place, 65534, 65534);
		assert.throws(sampleDisk, /dmascope-\d+ belongs to another user\); name a disk/);
		// Nor is anything made in another user's home.
		const home = path.join(temporary, 'home');
		fs.mkdirSync(home);
		fs.chownSync(home, 65534, 65534);
		process.env.HOME = home;
		assert.throws(sampleDisk, /home belongs to another user/);
		assert.deepEqual(fs.readdirSync(home), []);
	}
	assert.deepEqual([fs.readdirSync(elsewhere), fs.readdirSync(place)], [[], []]);
});

test('a home that is nowhere, or relative, is an end and not a wait', t => {
	const {temporary, disk} = homeless(t);
	fs.mkdirSync(path.dirname(disk), {mode: 0o700});
	fs.symlinkSync('nothing', disk);
	for (const home of ['/proc/1/task/1/none', '/dev/null/none', '/sys/none', '', 'here', '\u0000']) {
		process.env.HOME = home;
		assert.throws(sampleDisk, /name a disk with --disk\.$/);
	}
	assert.deepEqual(fs.readdirSync(temporary), [path.basename(path.dirname(disk))]);
	assert.equal(fs.existsSync('here'), false);
});
