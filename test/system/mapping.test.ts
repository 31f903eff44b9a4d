import assert from 'node:assert/strict';
import fs from 'node:fs';
import {test} from 'node:test';
import {Mapping} from '../../source/system/mapping.js';
import {Poller} from '../../source/system/poller.js';
import {needLibc} from '../helpers/front-end.js';

test('after an unmapping no typed array reaches the hole', () => {
	const libc = needLibc();
	const fd = libc.memfd_create('memory', 1);
	fs.ftruncateSync(fd, 8192);
	const [one, two] = [Mapping.ofFile(libc, fd, 8192), Mapping.ofFile(libc, fd, 8192)];
	fs.closeSync(fd);
	const [bytes, words] = [new Uint8Array(one.buffer), new Uint32Array(one.buffer, 4096)];
	words[0] = 0x01020304;
	assert.equal(new DataView(two.buffer).getUint32(4096, true), 0x01020304);
	one.unmap();
	one.unmap();
	assert.deepEqual([bytes.length, words.length, bytes[4096], words[0]], [0, 0, undefined, undefined]);
	words[0] = 1;
	assert.equal(new DataView(two.buffer).getUint32(4096, true), 0x01020304);
	two.unmap();
	assert.throws(() => Mapping.ofFile(libc, fd, 8192), {code: 'EBADF'});
});

test('one thread waits for many descriptors, and a handler may take others away', async t => {
	const libc = needLibc();
	const poller = new Poller(libc);
	t.after(() => poller.close());
	const fds = Array.from({length: 40}, () => libc.eventfd(0, 0o4000));
	t.after(() => {
		for (const fd of fds) fs.closeSync(fd);
	});
	const heard = new Map<number, number>();
	const {promise, resolve} = Promise.withResolvers<void>();
	const word = new BigUint64Array(1);
	for (const fd of fds)
		poller.add(fd, () => {
			fs.readSync(fd, word);
			heard.set(fd, (heard.get(fd) ?? 0) + Number(word[0]));
			poller.delete(fds[0]);
			if ([...heard.values()].reduce((sum, count) => sum + count, 0) === 78) resolve();
		});
	poller.delete(fds[39]);
	const one = new BigUint64Array([1n]);
	// The first is heard of at most once.
	for (const fd of fds.slice(1)) fs.writeSync(fd, one);
	for (const fd of fds.slice(1, 39)) fs.writeSync(fd, one);
	poller.add(fds[39], () => {
		fs.readSync(fds[39], word);
		heard.set(fds[39], Number(word[0]) + 1);
		if ([...heard.values()].reduce((sum, count) => sum + count, 0) === 78) resolve();
	});
	await promise;
	assert.equal(heard.size, 39);
});
