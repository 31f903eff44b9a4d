// Partition tables whose CRCs are right and whose entries are not: what the guest's firmware makes of them, and what
// the host's GEOM does.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {buildGpt} from '../../source/formats/gpt.js';
import {folder, openTestLab} from '../helpers/lab.js';

const UFS = '516e7cb6-6ecf-11d6-8ff8-00022d09712b';
const GUID = '01234567-89ab-cdef-0123-456789abcdef';
const SECTORS = 8192;

function diskOf(t: TestContext, places: readonly (readonly [first: number, last: number])[]): string {
	const {mbr, primary, entries} = buildGpt(
		SECTORS,
		GUID,
		places.map(([firstLba, lastLba]) => ({typeGuid: UFS, guid: GUID, name: '', firstLba, lastLba})),
	);
	return imageOf(t, Buffer.concat([mbr, primary, entries]));
}

function imageOf(t: TestContext, start: Uint8Array): string {
	const file = path.join(folder(t), 'a.img');
	fs.writeFileSync(file, start);
	fs.truncateSync(file, SECTORS * 512);
	return file;
}

/** What the guest's console says of the disk, and what partitions the host has. */
function seen(t: TestContext, disk: string): {console: readonly string[]; host: string} {
	const lab = openTestLab(t, {disk, policy: 'keep'});
	const outcome = lab.dispatch({do: 'boot', vm: 'vm1'});
	assert.ok(outcome.kind === 'boot');
	assert.ok(
		outcome.found.every(line => !/-[\d.]+ [KMGT]?i?B/.test(line)),
		outcome.found.join('\n'),
	);
	const create = {
		do: 'create',
		name: 'vm9',
		memory: 4 << 20,
		wired: true,
		model: 'nvme',
		passthru: [],
	} as const;
	try {
		lab.dispatch({...create, disk: 'ada0p9'});
	} catch (error) {
		return {console: outcome.found, host: String(error).replace(/^.*there are: /, '')};
	}
	return assert.fail('there is an ada0p9');
}

test('sound entries are all there', t => {
	const {console, host} = seen(
		t,
		diskOf(t, [
			[64, 127],
			[128, 255],
		]),
	);
	assert.deepEqual(console.slice(1), [
		'1: FreeBSD UFS, 32 KiB at LBA 64',
		'2: FreeBSD UFS, 64 KiB at LBA 128',
	]);
	assert.match(host, /; use ada0p1 or ada0p2\./);
});

for (const [what, places, report] of [
	[
		'ends before it starts',
		[
			[64, 127],
			[5000, 903],
		],
		'2: FreeBSD UFS, skipped: ends at LBA 903, before it starts at 5000',
	],
	[
		'lies in the table itself',
		[
			[64, 127],
			[8, 40],
		],
		'2: FreeBSD UFS, skipped: LBA 8–40 is not all within 34–8158',
	],
	[
		'goes on after the end',
		[
			[64, 127],
			[8000, 9000],
		],
		'2: FreeBSD UFS, skipped: LBA 8000–9000 is not all within 34–8158',
	],
	[
		'overlaps',
		[
			[64, 127],
			[100, 300],
			[400, 500],
		],
		'2: FreeBSD UFS, skipped: overlaps partition 1',
	],
] as const)
	test(`a table with a partition that ${what}: the guest takes the rest, the host none of it`, t => {
		const {console, host} = seen(t, diskOf(t, places));
		assert.equal(console[2], report);
		assert.equal(console.at(-1) === 'no bootable disk', false);
		assert.match(host, /; it has none\./);
	});

test('a table without a sound entry boots nothing', t => {
	const {console} = seen(t, diskOf(t, [[5000, 903]]));
	assert.deepEqual([console[0], console.at(-1)], ['GPT: CRCs ok, but no partition', 'no bootable disk']);
});

test('the host ignores a slice past the end of the disk', t => {
	const mbr = Buffer.alloc(512);
	mbr.set([0, 0, 0, 0, 165, 0, 0, 0], 446);
	mbr.writeUInt32LE(SECTORS + 8, 454);
	mbr.writeUInt32LE(64, 458);
	mbr.set([0x55, 0xaa], 510);
	assert.match(seen(t, imageOf(t, mbr)).host, /; it has none\./);
});
