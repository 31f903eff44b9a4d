import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Decoder} from '../../../source/live/decode/decoder.js';
import {closing, frequencyText, paragraph} from '../../../source/live/decode/report.js';
import {rateOf} from '../../../source/live/decode/storm.js';
import {lineText} from '../../../source/text/print.js';

function decoded(lines: Iterable<string>): Decoder {
	const decoder = new Decoder();
	for (const line of lines) decoder.push(Buffer.from(`${line}\n`));
	decoder.end();
	return decoder;
}

const read = (device: string, address: string, at: string): string =>
	`[${at}] DMAR: [DMA Read NO_PASID] Request device [${device}] fault addr ${address} [fault reason 0x06] PTE Read access is not set`;

test('a storm is one group with a rate and places', () => {
	const lines = Array.from({length: 1000}, (_, i) =>
		read('3b:00.0', `0x${(0x10000000 + i * 4096).toString(16)}`, (10 + i / 100).toFixed(6)),
	);
	const {storm} = decoded([
		...lines,
		read('3b:00.0', '0x900000000', '20.0'),
		read('3b:00.1', '0x1000', '20.0'),
	]);
	assert.deepEqual(
		storm.groups.map(({count, places}) => [count, places.size]),
		[
			[1001, 3],
			[1, 1],
		],
	);
	const [group] = storm.groups;
	assert.equal(Math.round(rateOf(group) ?? 0), 100);
	assert.equal(frequencyText(group), '1,001 in 10.0 s, 100/s');
});

test('a clock that is set back (another boot) is not counted', () => {
	const {storm} = decoded([
		read('3b:00.0', '0x1000', '100.0'),
		read('3b:00.0', '0x1000', '101.0'),
		read('3b:00.0', '0x1000', '5.0'),
		read('3b:00.0', '0x1000', '6.0'),
	]);
	assert.deepEqual([storm.groups[0].count, storm.groups[0].span], [4, 2]);
});

test('faults of endless kinds and addresses do not grow the tables', () => {
	function* hostile() {
		for (let i = 0; i < 40_000; i++) {
			const device = `${((i >> 8) & 0xff).toString(16).padStart(2, '0')}:${((i >> 3) & 0x1f).toString(16).padStart(2, '0')}.${i & 7}`;
			yield read(device, `0x${(i * 2 ** 22).toString(16)}`, '1.0');
		}
		for (let i = 0; i < 1000; i++) yield read('00:00.0', `0x${(i * 2 ** 22).toString(16)}`, '1.0');
	}
	const {storm} = decoded(hostile());
	assert.equal(storm.faults, 41_000);
	assert.equal(storm.groups.length, 1024);
	assert.ok(storm.leftOut > 0);
	assert.equal(
		storm.groups.reduce((sum, {count}) => sum + count, storm.leftOut),
		41_000,
	);
	const [first] = storm.groups;
	assert.ok(first.places.size <= 64);
	assert.equal(
		[...first.places.values()].reduce((sum, {count}) => sum + count, first.elsewhere),
		first.count,
	);
	assert.ok(closing(storm).some(line => /further kinds are only counted/.test(line)));
});

test('a report fits 80 columns, except for commands to paste', () => {
	const decoder = decoded([
		'[0.0] DMAR: RMRR base: 0x0000007b800000 end: 0x0000007fffffff',
		'[0.0] pci 0000:00:02.0: Adding to iommu group 17',
		read('00:02.0', '0x7b900000', '1.0'),
		read('00:02.0', '0x7ba00000', '2.0'),
		'[3.0] i915 0000:00:02.0: [drm] GPU HANG',
	]);
	const [group] = decoder.storm.groups;
	const lines = paragraph(group, decoder.explain(group)).map(line => lineText(line));
	assert.ok(lines.every(line => line.length <= 80));
	const text = lines.join('\n');
	assert.match(text, /^00:02\.0 i915: DMA read refused\n/);
	assert.match(text, /0x7b800000–0x7fffffff is an RMRR/);
	assert.match(text, /ls \/sys\/kernel\/iommu_groups\/17\/devices/);
	assert.match(text, /often {3}2 in 1\.0 s, 1\.0\/s/);
});
