import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {
	buildGpt,
	gptHeader,
	gptPartitions,
	hasBootSignature,
	isProtective,
	mbrPartitions,
} from '../../source/formats/gpt.js';

const EFI = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const GUID = '01234567-89ab-cdef-0123-456789abcdef';
const built = () =>
	buildGpt(4096, GUID, [
		{typeGuid: EFI, guid: GUID, name: 'boot', firstLba: 64, lastLba: 127},
		{typeGuid: GUID, guid: GUID, name: 'größe', firstLba: 128, lastLba: 255},
	]);

test('a new table reads back with its names, types and LBAs', () => {
	const {mbr, primary, entries} = built();
	assert.ok(hasBootSignature(mbr) && isProtective(mbr));
	const header = gptHeader(primary, 1);
	assert.ok(typeof header !== 'string', String(header));
	assert.deepEqual(gptPartitions(entries, header), [
		{number: 1, type: 'EFI System', name: 'boot', firstLba: 64, lastLba: 127},
		{number: 2, type: GUID, name: 'größe', firstLba: 128, lastLba: 255},
	]);
});

test('the backup header is valid only at the end of the disk', () => {
	const {backup} = built();
	assert.notEqual(typeof gptHeader(backup, 4095), 'string');
	assert.match(String(gptHeader(backup, 1)), /another LBA/);
});

test('the CRCs detect one changed bit in the header or the entries', () => {
	fc.assert(
		fc.property(fc.nat(92 * 8 - 1), bit => {
			const {primary} = built();
			primary[bit >> 3] ^= 1 << (bit & 7);
			assert.equal(typeof gptHeader(primary, 1), 'string');
		}),
		{seed: 1},
	);
	const {primary, entries} = built();
	const header = gptHeader(primary, 1);
	assert.ok(typeof header !== 'string');
	entries[200] ^= 1;
	assert.match(String(gptPartitions(entries, header)), /CRC/);
});

test('random sectors never make the parser throw', () => {
	fc.assert(
		fc.property(fc.uint8Array({minLength: 512, maxLength: 512}), sector => {
			gptHeader(sector, 1);
			mbrPartitions(sector);
			sector.set(new TextEncoder().encode('EFI PART'));
			assert.equal(typeof gptHeader(sector, 1), 'string');
		}),
		{seed: 2},
	);
});
