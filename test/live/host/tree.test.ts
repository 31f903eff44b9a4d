import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {Disk, Tree} from '../../../source/live/host/tree.js';
import {filesOf} from '../../helpers/host-tree.js';
import {folder} from '../../helpers/lab.js';

test('links are followed, and none leads out of the tree', () => {
	const tree = new Tree(
		filesOf({
			'/sys/devices/a/vendor': '0x8086\n',
			'/sys/bus/pci/devices/a': {to: '../../../devices/a'},
			'/absolute': {to: '/sys/devices'},
			'/up': {to: '../../../../sys/devices/a'},
			'/sys/devices/a/driver': {to: '../../bus/pci/drivers/nvme'},
		}),
	);
	assert.equal(tree.read('/sys/bus/pci/devices/a/vendor'), '0x8086');
	assert.equal(tree.read('/absolute/a/vendor'), '0x8086');
	assert.equal(tree.read('/up/vendor'), '0x8086');
	assert.equal(tree.read('/sys/../sys/./devices/a/vendor'), '0x8086');
	assert.equal(tree.linkName('/sys/bus/pci/devices/a/driver'), 'nvme');
	// What it points to need not be there.
	assert.equal(tree.exists('/sys/bus/pci/devices/a/driver'), false);
});

test('missing files, other kinds and loops are undefined', () => {
	const tree = new Tree(
		filesOf({'/a': {to: 'b'}, '/b': {to: 'a'}, '/self': {to: 'self/self'}, '/file': 'text', '/empty/': ''}),
	);
	for (const path of ['/a', '/self', '/file/below', '/none', '/empty', '/', '']) {
		assert.equal(tree.read(path), undefined, path);
		assert.equal(tree.linkName(`${path}/x`), undefined, path);
	}
	for (const path of ['/a', '/self', '/file', '/none', '/empty']) assert.deepEqual(tree.list(path), []);
	assert.deepEqual(tree.list('/'), ['a', 'b', 'empty', 'file', 'self']);
});

test('numeric names are sorted by value', () => {
	const tree = new Tree(filesOf({'/n/10': '', '/n/9': '', '/n/100': ''}));
	assert.deepEqual(tree.list('/n'), ['9', '10', '100']);
});

test('on disk: links stay below the root, pipes and loops do not block, long files are cut', t => {
	const root = folder(t);
	const at = (name: string) => path.join(root, name);
	fs.mkdirSync(at('sys'));
	fs.writeFileSync(at('sys/file'), 'inside\n');
	fs.symlinkSync('/sys/file', at('link'));
	fs.symlinkSync('/etc/passwd', at('passwd'));
	fs.symlinkSync('loop', at('loop'));
	fs.symlinkSync('../../../../../../../../../../etc', at('etc'));
	fs.writeFileSync(at('long'), Buffer.alloc(1 << 20, 'x'));
	execFileSync('mkfifo', [at('pipe')]);
	const tree = new Tree(new Disk(root));
	assert.equal(tree.read('/link'), 'inside');
	assert.equal(tree.read('/passwd'), undefined);
	assert.equal(tree.read('/etc/passwd'), undefined);
	assert.equal(tree.read('/loop'), undefined);
	assert.equal(tree.read('/pipe'), undefined);
	assert.equal(tree.read('/long')?.length, 4096);
	assert.equal(tree.read('/sys\0/file'), undefined);
});

test('refused files are undefined, and recorded as refused', () => {
	const tree = new Tree(filesOf({'/proc/1/fd/': {refused: true}, '/proc/1/comm': 'init'}));
	assert.deepEqual(tree.list('/proc/1/fd'), []);
	assert.equal(tree.refused('/proc'), true);
	assert.equal(tree.refused('/sys'), false);
});

test('a link is followed once, and chains of links end', () => {
	const links = Object.fromEntries(Array.from({length: 5000}, (_, i) => [`/chain/${i}`, {to: `${i + 1}`}]));
	const files = filesOf({...links, '/chain/5000': 'end', '/through': {to: 'chain/4990'}});
	let asked = 0;
	const link = files.link.bind(files);
	files.link = path => {
		asked++;
		return link(path);
	};
	const tree = new Tree(files);
	assert.equal(tree.read('/through'), 'end');
	for (let i = 0; i < 5000; i++) tree.read(`/chain/${i}`);
	assert.ok(asked <= 5001, String(asked));
	assert.equal(tree.read('/chain/0'), undefined);
});

test('paths that are too deep or long are skipped, and their memory is limited', () => {
	const files = filesOf({
		'/a/b': 'text',
		'/deep': {to: `${'a/../'.repeat(200)}a/b`},
		'/here': {to: './a/./b'},
	});
	files.add(`/${'d/'.repeat(200)}x`, 'file', '');
	files.add(`/${'d'.repeat(5000)}`, 'file', '');
	files.add('/long', 'link', `${'./'.repeat(3000)}a/b`);
	const tree = new Tree(files);
	assert.deepEqual(tree.list('/'), ['a', 'deep', 'here']);
	assert.equal(tree.read('/here'), 'text');
	assert.equal(tree.read('/deep'), undefined);
	assert.throws(() => {
		for (let i = 0; ; i++) files.add(`/${'x'.repeat(2000)}/${i}`, 'file', '');
	}, /The paths of the capture need too much memory; name a capture of one host\./);
});
