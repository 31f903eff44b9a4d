import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import zlib from 'node:zlib';
import {captureHost, treeAt} from '../../../source/live/host/capture.js';
import {hostFacts} from '../../../source/live/host/describe.js';
import {hostJson} from '../../../source/live/host/json.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {tarOf} from '../../../source/live/host/tar.js';
import {Tree} from '../../../source/live/host/tree.js';
import {folder} from '../../helpers/lab.js';
import {soonAsync} from '../../helpers/soon.js';

const INTEL = path.join(import.meta.dirname, 'intel.tar');

test('a capture is a new file that only this user may read; --force replaces another capture', async t => {
	const place = folder(t);
	const at = (name: string) => path.join(place, name);
	const capture = (file: string, force: boolean) => captureHost(INTEL, file, force, () => {});
	await capture(at('a.tar'), false);
	assert.equal(fs.statSync(at('a.tar')).mode & 0o777, 0o600);
	await assert.rejects(
		() => capture(at('a.tar'), false),
		/a\.tar exists; choose another name, or add --force\.$/,
	);
	fs.chmodSync(at('a.tar'), 0o644);
	await capture(at('a.tar'), true);
	assert.equal(fs.statSync(at('a.tar')).mode & 0o777, 0o600);

	fs.writeFileSync(at('file'), 'kept');
	fs.symlinkSync('a.tar', at('link'));
	fs.copyFileSync(INTEL, at('read.tar'));
	const before = fs.readFileSync(at('a.tar'));
	await assert.rejects(
		() => capture(at('file'), true),
		/file exists and is not a capture; choose another name\.$/,
	);
	await assert.rejects(() => capture(at('link'), true), /link is a symbolic link; choose another name\.$/);
	await assert.rejects(() => capture('/dev/null', true), /\/dev\/null is a character device/);
	await assert.rejects(
		() => captureHost(at('read.tar'), at('read.tar'), true, () => {}),
		/read\.tar is read by this command; choose another name\.$/,
	);
	assert.equal(fs.readFileSync(at('file'), 'utf8'), 'kept');
	assert.ok(
		fs.readFileSync(at('a.tar')).equals(before) &&
			fs.readFileSync(at('read.tar')).equals(fs.readFileSync(INTEL)),
	);
	assert.deepEqual(fs.readdirSync(place).sort(), ['a.tar', 'file', 'link', 'read.tar']);
});

test('a file that is not a capture is refused, not shown as a host without an IOMMU', async t => {
	const place = folder(t);
	const file = path.join(place, 'a.tar');
	const whole = fs.readFileSync(INTEL);
	const other = tarOf([{path: '/etc/passwd', kind: 'file', text: 'x', readable: true}]);
	const refused: [string, Uint8Array, RegExp][] = [
		['empty', Buffer.alloc(0), /a\.tar is empty; name a file written by --capture\.$/],
		['511 zeros', Buffer.alloc(511), /a\.tar is not a tar file, or is damaged or cut short at byte 0/],
		['zeros', Buffer.alloc(10_240), /a\.tar has none of the files of a Linux host; name a folder, or a file/],
		['other files', other, /a\.tar has none of the files of a Linux host/],
		['cut', whole.subarray(0, 51_200), /a\.tar is not a tar file, or is damaged or cut short at byte \d/],
		[
			'gzip',
			zlib.gzipSync(whole),
			/a\.tar is compressed \(gzip\); decompress it first: zcat .*a\.tar >capture\.tar$/,
		],
		['zstd', zlib.zstdCompressSync(whole), /is compressed \(zstd\); decompress it first: zstdcat/],
	];
	for (const [what, bytes, pattern] of refused) {
		fs.writeFileSync(file, bytes);
		assert.throws(() => treeAt(file)(), pattern, what);
	}
	assert.throws(() => treeAt(`${place}/none`)(), /none does not exist; name a folder, or a file/);
	assert.throws(() => treeAt(place)(), /has none of the files of a Linux host/);
	fs.mkdirSync(path.join(place, 'sys/class/iommu'), {recursive: true});
	assert.equal((await readHost(new Tree(treeAt(place)()))).units.length, 0);
});

test('20,000 devices, each with a group, a link and a name, are read within seconds', async t => {
	const file = path.join(folder(t), 'large.tar');
	const COUNT = 20_000;
	const digits = (n: number) => n.toString(16).padStart(4, '0');
	const ids = Array.from({length: COUNT}, (_, i) => `0000:${digits(i)}`);
	const list = ids.map((_, i) => `${digits(i)}  Maker\n\t${digits(i)}  Card\n`).join('');
	fs.writeFileSync(
		file,
		tarOf([
			{path: '/usr/share/misc/pci.ids', kind: 'file', text: list, readable: true},
			...ids.flatMap((id, i) => {
				const at = `/sys/devices/pci/${id}`;
				return [
					{path: `${at}/vendor`, kind: 'file' as const, text: `0x${digits(i)}`, readable: true},
					{path: `${at}/device`, kind: 'file' as const, text: `0x${digits(i)}`, readable: true},
					{path: `${at}/iommu_group`, kind: 'link' as const, text: `../${i}`, readable: true},
					{path: `/sys/bus/pci/devices/${id}`, kind: 'link' as const, text: at, readable: true},
					{path: `/sys/kernel/iommu_groups/${i}`, kind: 'directory' as const, text: '', readable: true},
				];
			}),
		]),
	);
	const {groups, devices} = await soonAsync(8000, async () => {
		const host = await readHost(new Tree(treeAt(file)()));
		return hostJson(host, hostFacts(host), undefined);
	});
	assert.equal(devices[COUNT - 1].product, 'Maker Card');
	assert.deepEqual(groups[COUNT - 1].devices, [ids[COUNT - 1]]);
});
