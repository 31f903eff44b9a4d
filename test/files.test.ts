import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {checkNew, createNew, type FileKind, openNew, readRegular} from '../source/files.js';
import {UserError} from '../source/user-error.js';
import {folder} from './helpers/lab.js';

const NOTE: FileKind = {name: 'a note', matches: beginning => beginning.toString().startsWith('note')};

const refuses = (work: () => unknown, pattern: RegExp): void => assert.match(refusal(work), pattern);
const refusal = (work: () => unknown): string => {
	try {
		work();
	} catch (error) {
		assert.ok(error instanceof UserError, String(error));
		return error.message;
	}
	return 'none';
};

/** A folder with one of each kind of file, which must stay as they are. */
function kinds(t: TestContext) {
	const at = (name: string) => path.join(place, name);
	const place = folder(t);
	fs.writeFileSync(at('file'), 'kept');
	fs.writeFileSync(at('note'), 'note 1');
	fs.writeFileSync(at('empty'), '');
	fs.mkdirSync(at('folder'));
	fs.symlinkSync('note', at('link'));
	fs.symlinkSync('nothing', at('dangling'));
	execFileSync('mkfifo', [at('fifo')]);
	return {place, at};
}

const shown = (place: string) =>
	fs.readdirSync(place).map(name => {
		const stat = fs.lstatSync(path.join(place, name));
		return [name, stat.mode, stat.ino, stat.isFile() ? fs.readFileSync(path.join(place, name), 'utf8') : ''];
	});

test('a new file is complete, and has the given mode', t => {
	const {at} = kinds(t);
	createNew(at('new'), 'hello', {mode: 0o600});
	assert.equal(fs.readFileSync(at('new'), 'utf8'), 'hello');
	assert.equal(fs.statSync(at('new')).mode & 0o777, 0o600);
	const descriptor = openNew(at('grows'), 'one ');
	fs.writeSync(descriptor, 'two');
	fs.closeSync(descriptor);
	assert.equal(fs.readFileSync(at('grows'), 'utf8'), 'one two');
	createNew(at('n'.repeat(255)), '');
});

test('a new file never takes the place of another, and each refusal says why', t => {
	const {place, at} = kinds(t);
	const before = shown(place);
	const why: Record<string, RegExp> = {
		file: /file exists; choose another name\.$/,
		empty: /empty exists; choose another name\.$/,
		folder: /folder is a directory; choose another name\.$/,
		link: /link is a symbolic link; choose another name\.$/,
		dangling: /dangling is a symbolic link; choose another name\.$/,
		fifo: /fifo is a FIFO; choose another name\.$/,
		'/dev/null': /^\/dev\/null is a character device; choose another name\.$/,
		'none/new': /none\/new is in a folder that does not exist; choose another name\.$/,
		'file/new': /file\/new is in a folder that does not exist; choose another name\.$/,
		['n'.repeat(256)]: /is too long a name; choose a shorter one\.$/,
	};
	for (const [name, pattern] of Object.entries(why)) {
		const file = name.startsWith('/') ? name : at(name);
		refuses(() => createNew(file, 'x'), pattern);
		refuses(() => checkNew(file), pattern);
	}
	assert.deepEqual(shown(place), before);
});

test('with --force a regular file of one kind is replaced, and no other', t => {
	const {place, at} = kinds(t);
	const before = shown(place);
	const replaces = {force: true, kind: NOTE};
	for (const name of ['file', 'empty', 'folder', 'link', 'dangling', 'fifo'])
		assert.notEqual(
			refusal(() => createNew(at(name), 'note', {replaces})),
			'none',
			name,
		);
	refuses(
		() => createNew(at('file'), 'note', {replaces}),
		/file exists and is not a note; choose another name\.$/,
	);
	refuses(
		() => createNew(at('note'), 'note', {replaces: {...replaces, force: false}}),
		/note exists; choose another name, or add --force\.$/,
	);
	refuses(
		() => createNew(at('note'), 'note', {replaces, inputs: [at('none'), at('link')]}),
		/note is read by this command; choose another name\.$/,
	);
	assert.deepEqual(shown(place), before);
	createNew(at('note'), 'note 2', {replaces, mode: 0o600});
	assert.equal(fs.readFileSync(at('note'), 'utf8'), 'note 2');
	assert.equal(fs.statSync(at('note')).mode & 0o777, 0o600);
	assert.equal(fs.readdirSync(place).length, before.length);
});

test('a file replaces the one written before it, but no other that has taken its place', t => {
	const {at} = kinds(t);
	const replaces = {force: false, kind: NOTE};
	const earlier = createNew(at('report'), 'note 1');
	const later = createNew(at('report'), 'note 2', {replaces: {...replaces, earlier}});
	const again = () => createNew(at('report'), 'note 3', {replaces: {...replaces, earlier: later}});
	fs.renameSync(at('report'), at('kept'));
	fs.writeFileSync(at('report'), 'note of theirs');
	refuses(again, /report exists; choose another name, or add --force\.$/);
	// Nor is an inode trusted that is used again.
	fs.renameSync(at('kept'), at('report'));
	fs.writeFileSync(at('report'), 'theirs');
	refuses(again, /report exists and is not a note; choose another name\.$/);
	assert.equal(fs.readFileSync(at('report'), 'utf8'), 'theirs');
	fs.rmSync(at('report'));
	again();
});

test('a failure leaves nothing behind', t => {
	const {place, at} = kinds(t);
	const before = shown(place);
	const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC'});
	for (const call of ['writeFileSync', 'fsyncSync', 'linkSync'] as const) {
		t.mock.method(fs, call, () => {
			throw full;
		});
		const message = refusal(() => createNew(at('new'), 'x'));
		t.mock.restoreAll();
		assert.match(message, /new does not fit on its file system; free some space/);
		assert.deepEqual(shown(place), before, call);
	}
	checkNew(at('new'));
	assert.deepEqual(shown(place), before);
});

test('a file that comes while the new one is written stays', t => {
	const {place, at} = kinds(t);
	const {fsyncSync} = fs;
	for (const links of [true, false]) {
		fs.rmSync(at('raced'), {force: true});
		t.mock.method(fs, 'fsyncSync', (descriptor: number) => {
			fsyncSync(descriptor);
			fs.writeFileSync(at('raced'), 'theirs');
		});
		// It may come later still: then it is the system that refuses.
		t.mock.method(fs, 'lstatSync', () => undefined);
		if (!links) withoutLinks(t);
		const message = refusal(() => createNew(at('raced'), 'ours'));
		t.mock.restoreAll();
		assert.match(message, /raced exists; choose another name\.$/);
		assert.equal(fs.readFileSync(at('raced'), 'utf8'), 'theirs');
		assert.ok(!fs.readdirSync(place).some(name => name.startsWith('.dmascope')));
	}
});

function withoutLinks(t: TestContext): void {
	t.mock.method(fs, 'linkSync', () => {
		throw Object.assign(new Error('EPERM: operation not permitted, link'), {code: 'EPERM'});
	});
}

test('a file system without hard links holds new files as well', t => {
	const {place, at} = kinds(t);
	withoutLinks(t);
	createNew(at('new'), 'hello');
	assert.equal(fs.readFileSync(at('new'), 'utf8'), 'hello');
	refuses(() => createNew(at('new'), 'x'), /new exists/);
	const before = shown(place);
	t.mock.method(fs, 'renameSync', () => {
		throw Object.assign(new Error('EIO: i/o error, rename'), {code: 'EIO'});
	});
	refuses(() => createNew(at('another'), 'x'), /another cannot be created: EIO/);
	assert.deepEqual(shown(place), before);
});

const LIMITS = {limit: 6, mend: 'name a note'};

test('a regular file is read whole, and no further than its limit', t => {
	const {at} = kinds(t);
	assert.equal(readRegular(at('link'), LIMITS).toString(), 'note 1');
	assert.equal(readRegular(at('empty'), LIMITS).length, 0);
	refuses(
		() => readRegular(at('note'), {...LIMITS, limit: 5}),
		/note is larger than 5 B; name a smaller file\.$/,
	);
	if (!fs.existsSync('/proc/self/status')) return;
	const status = {...LIMITS, limit: 65_536};
	assert.match(readRegular('/proc/self/status', status).toString(), /^Name:/);
	refuses(() => readRegular('/proc/self/status', {...status, limit: 10}), /is larger than 10 B/);
});

test('nothing else is read, and a FIFO never blocks', t => {
	const {at} = kinds(t);
	refuses(() => readRegular(at('fifo'), LIMITS), /fifo is a FIFO, not a regular file; name a note\.$/);
	refuses(
		() => readRegular(at('fifo'), {...LIMITS, pipes: true}),
		/fifo is a FIFO that nothing writes to; name a note\.$/,
	);
	refuses(
		() => readRegular('/dev/zero', {...LIMITS, pipes: true}),
		/^\/dev\/zero is a character device, not a regular file; name a note\.$/,
	);
	refuses(() => readRegular(at('folder'), LIMITS), /folder is a directory/);
	assert.throws(() => readRegular(at('none'), LIMITS), /ENOENT/);
});

test('a file that changes its kind after the check of its name is refused too', t => {
	const {at} = kinds(t);
	const file = fs.statSync(at('file'));
	t.mock.method(fs, 'statSync', () => file);
	refuses(() => readRegular(at('fifo'), LIMITS), /fifo is a FIFO, not a regular file/);
});

test('a pipe is read up to the limit', t => {
	const {at} = kinds(t);
	const writer = fs.openSync(at('fifo'), 'r+');
	t.after(() => fs.closeSync(writer));
	fs.writeSync(writer, 'a longer text');
	refuses(() => readRegular(at('fifo'), {...LIMITS, pipes: true}), /fifo is larger than 6 B/);
	// A writer that stays, and is silent. Time passes at once.
	const naps = t.mock.method(Atomics, 'wait', () => 'timed-out');
	refuses(
		() => readRegular(at('fifo'), {...LIMITS, pipes: true}),
		/fifo has nothing to read for 30 s; name a note\.$/,
	);
	assert.ok(naps.mock.callCount() > 100);
});
