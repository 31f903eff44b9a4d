// Disks of other systems, by what their tools print (formats of diskinfo.c, geom_dump.c, mount(8), swapinfo(8), diskutil(8)).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import type {Platform, Run} from '../../source/hardware/disk-platform.js';
import {type GeomTexts, reasonAgainst} from '../../source/hardware/freebsd-disks.js';
import {platformOf} from '../../source/hardware/platform.js';
import {UserError} from '../../source/user-error.js';
import {folder} from '../helpers/lab.js';

const provider = (id: string, name: string, mode: string) =>
	`<provider id="${id}"><geom ref="g"/><mode>${mode}</mode><name>${name}</name><mediasize>1</mediasize></provider>`;
const geom = (id: string, name: string, from: string, to: string) =>
	`<geom id="${id}"><class ref="c"/><name>${name}</name><rank>1</rank>${
		from && `<consumer id="k${id}"><geom ref="${id}"/><provider ref="${from}"/><mode>r1w1e1</mode></consumer>`
	}${to}</geom>`;
/** ada0 with a mounted p2, a swap p3 and a labelled p4; ada1 in a pool; ada2 unused with a partition. */
const CONFXML = `<mesh><class id="c"><name>DISK</name>${[
	geom('1', 'ada0', '', provider('p0', 'ada0', 'r2w2e4')),
	geom(
		'2',
		'ada0',
		'p0',
		provider('p02', 'ada0p2', 'r1w1e1') +
			provider('p03', 'ada0p3', 'r1w1e0') +
			provider('p04', 'ada0p4', 'r0w0e0'),
	),
	geom('3', 'ada0p4', 'p04', provider('p04l', 'gpt/data', 'r1w1e1')),
	geom('4', 'ada1', '', provider('p1', 'ada1', 'r1w1e1')),
	geom('5', 'ada2', '', provider('p2', 'ada2', 'r0w0e0')),
	geom('6', 'ada2', 'p2', provider('p21', 'ada2p1', 'r0w0e0')),
].join('')}</class></mesh>`;
const TEXTS: GeomTexts = {
	mounts: '/dev/ada0p2\t\t/\t\t\tufs\trw \t1 1\n/dev/gpt/data /data ufs rw 2 2\ndevfs /dev devfs rw 0 0\n',
	swaps:
		'Device          1K-blocks     Used    Avail Capacity\n/dev/ada0p3       4194304        0  4194304     0%\n',
	geom: CONFXML,
	debug: '0\n',
};

test('FreeBSD: a disk is written only if neither it, nor its parts, nor what it is part of, is in use', () => {
	const why = (name: string, more: Partial<GeomTexts> = {}) => reasonAgainst(name, {...TEXTS, ...more});
	assert.match(why('ada0p2') ?? '', /ada0p2 is mounted at \//);
	assert.match(why('ada0p3') ?? '', /swap/);
	assert.match(why('ada0p4') ?? '', /gpt\/data is mounted at \/data/);
	assert.match(why('ada0') ?? '', /open for writing/);
	assert.match(why('ada1') ?? '', /ZFS pool/);
	assert.equal(why('ada2'), undefined);
	assert.equal(why('ada2p1'), undefined);
	assert.match(
		why('ada2p1', {
			geom: CONFXML.replace('"p2"><geom ref="g"/><mode>r0w0e0', '"p2"><geom ref="g"/><mode>r1w1e1'),
		}) ?? '',
		/\/dev\/ada2 open/,
	);
	assert.match(why('ada2', {debug: '16\n'}) ?? '', /debugflags/);
	assert.match(why('ada2', {debug: ''}) ?? '', /debugflags/);
	assert.match(why('ada2', {geom: CONFXML.replaceAll(/<mode>.*?<\/mode>/g, '')}) ?? '', /may be in use/);
	for (const geom of ['', '<mesh>', CONFXML.slice(0, 200)])
		assert.match(why('ada2', {geom}) ?? '', /not known to GEOM/);
});

/** A system whose devices are the files of a test. */
const pretending = (platform: Platform, ...devices: string[]): Platform => ({
	...platform,
	isDevice: stat => devices.some(device => fs.statSync(device).ino === stat.ino),
});

function image(t: TestContext): string {
	const file = path.join(folder(t), 'ada2');
	fs.writeFileSync(file, Buffer.alloc(64 * 512, 7));
	return file;
}

const failing: Run = command => {
	throw new Error(`spawn ${command} ENOENT`);
};

test('FreeBSD: a character device is a disk, its size comes from diskinfo', t => {
	const file = image(t);
	const tools: Record<string, string> = {diskinfo: `${file}\t512\t32768\t64\t0\t0\n`};
	const freebsd = pretending(
		platformOf('freebsd', command => tools[command] ?? ''),
		file,
	);
	const disk = Disk.open(file, {platform: freebsd, overlay: true});
	t.after(() => disk.close());
	assert.equal(disk.sectors, 64);
	assert.equal(disk.peek(0, 512)[0], 7);
	const open =
		(platform: Platform, writable = false) =>
		() =>
			Disk.open(file, {platform, writable});
	tools.diskinfo = `${file}\t4096\t32768\t8\n`;
	assert.throws(open(freebsd), /sectors of 4096 bytes/);
	tools.diskinfo = '';
	assert.throws(open(freebsd), /is not a disk/);
	assert.throws(open(pretending(platformOf('freebsd', failing), file)), /diskinfo failed/);
	assert.throws(open(platformOf('freebsd', failing), true), /cannot find out on FreeBSD/);
	assert.throws(
		() => Disk.open('/dev/null', {platform: {...platformOf('linux')}}),
		/neither a file nor a block device/,
	);
	assert.throws(
		() => Disk.open('/dev/null', {platform: platformOf('freebsd', () => '/dev/null\n')}),
		UserError,
	);
});

test('macOS: diskutil says the size, and nothing is written', t => {
	const file = image(t);
	const plist =
		'<dict><key>DeviceBlockSize</key>\n<integer>512</integer><key>TotalSize</key>\n<integer>32768</integer></dict>';
	const asked: string[] = [];
	const mac = pretending(
		platformOf('darwin', (_, words) => {
			asked.push(words.join(' '));
			return plist;
		}),
		file,
	);
	const disk = Disk.open(file, {platform: mac});
	t.after(() => disk.close());
	assert.deepEqual([disk.sectors, asked], [64, [`info -plist ${file}`]]);
	assert.throws(() => Disk.open(file, {platform: mac, writable: true}), /cannot find out on macOS/);
	assert.throws(
		() => Disk.open(file, {platform: pretending(platformOf('darwin', failing), file)}),
		/diskutil failed/,
	);
});
