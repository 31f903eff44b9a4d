import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {type TableDump, tableDumps} from '../../../source/live/host/table-dump.js';
import type {Mapping} from '../../../source/machine/tables.js';
import {fuzz} from '../../helpers/fuzz.js';

const HEAD = 'Device 0000:00:02.0 @0x1017f8000\nIOVA_PFN\n';
const word = (n: bigint) => `0x${n.toString(16).padStart(16, '0')}`;
const row = (frame: bigint, words: readonly bigint[]) =>
	`0x${frame.toString(16).padStart(13, '0')} |\t${words.map(word).join('\t')}\n`;

function dumpOf(rows: string, cut = false): TableDump {
	const [first] = tableDumps(HEAD + rows, cut);
	assert.ok(first);
	return first[1];
}
const runs = ({mappings}: TableDump) =>
	mappings.map(
		({iova, hpa, pages, read, write}) =>
			`${iova.toString(16)} ${hpa.toString(16)} ${pages} ${read ? 'r' : '-'}${write ? 'w' : '-'}`,
	);

test('the last entry maps, with the permissions of the whole walk', () => {
	const dump = dumpOf(
		[
			row(0x1fff_ffff_fff0n, [3n, 0x5003n, 0x6003n, 0x7003n, 0x8003n]),
			row(0n, [0n, 0x5003n, 0x6001n, 0x7003n, 0xff00_0000_0000_8002n]),
			row(1n, [0n, 0x5003n, 0x6002n, 0x7003n, 0x9003n]),
			// 1 GiB and 2 MiB, of both ages; bit 12 of a large page's entry is no part of its address.
			row(0x40000n, [0n, 0x5003n, 0x4000_1083n, 0n, 0n]),
			row(0x80000n, [0n, 0x5003n, 0x8000_0083n]),
			row(0xc0000n, [0n, 0x5003n, 0x6003n, 0xc020_0083n]),
			row(0xc0200n, [0n, 0x5003n, 0x6003n, 0xc040_0083n, 0n]),
		].join(''),
	);
	assert.deepEqual(runs(dump), [
		'1ffffffffff0000 8000 1 rw',
		'0 8000 1 --',
		'1000 9000 1 -w',
		'40000000 40000000 524288 rw',
		'c0000000 c0200000 1024 rw',
	]);
	assert.equal(dump.entries, 7);
	assert.equal(dump.pages, 3 + 2 * 512 ** 2 + 2 * 512);
	assert.equal(dump.root, 0x1017f8000);
});

test('anything but a row maps nothing', () => {
	for (const text of [
		row(0n, [0n, 0n, 0n, 0n, 0n]),
		// No large page: bit 7 is not set.
		row(0n, [0n, 0x5003n, 0x6003n, 0x7003n, 0n]),
		row(0n, [0n, 0x5003n, 0x6003n]),
		row(0n, [0n, 0x5083n, 0n, 0n, 0n]),
		row(0n, [0n, 0x5003n]),
		row(0n, [0n, 0x5003n, 0x6003n, 0x7003n, 0x8003n, 0n]),
		row(0n, [0n, 0x5003n, 0x6003n, 0x7003n, 0x8003n]).replace('|', ''),
		'0xfff |\t0x1\n',
		'DMA Remapping is not enabled on dmar0\n',
	])
		assert.deepEqual(runs(dumpOf(text)), [], text);
	assert.deepEqual(tableDumps(row(0n, [0n, 0x5003n, 0x6003n, 0x7003n, 0x8003n]), false), []);
});

test('a row that was cut is ignored', () => {
	const whole = row(0n, [0n, 0x5003n, 0x6083n, 0x7083n, 0x8003n]);
	for (let length = 0; length < whole.length; length++)
		assert.deepEqual(runs(dumpOf(whole.slice(0, length), true)), []);
	const dumps = tableDumps(`${HEAD}${whole}${HEAD}${whole}`, true);
	assert.deepEqual(
		dumps.map(([, {cut}]) => cut),
		[false, true],
	);
});

/** Pages in order of address, some of them next to each other: a frame's distance, a leaf's level, an address, rights. */
const leaves = fc.array(
	fc.record({
		gap: fc.constantFrom(0n, 0n, 0n, 1n, 700n),
		level: fc.constantFrom(1, 1, 1, 2, 3),
		jump: fc.constantFrom(0n, 0n, 0n, 1n),
		rights: fc.constantFrom(3n, 3n, 3n, 1n, 2n),
	}),
	{maxLength: 60},
);

test('the runs of any tables match their pages', () => {
	fc.assert(
		fc.property(leaves, fc.boolean(), (all, isNew) => {
			let [frame, physical] = [0n, 0x100n];
			let text = '';
			const pages: Mapping[] = [];
			for (const {gap, level, jump, rights} of all) {
				const size = 512n ** BigInt(level - 1);
				frame = ((frame + gap + size - 1n) / size) * size;
				physical = ((physical + jump + size - 1n) / size) * size;
				const entry = (physical << 12n) | rights | (level > 1 ? 0x80n : 0n);
				const words = [0n, 0x5003n, 0x6003n, 0x7003n, 0x8003n].map((each, i) =>
					i < 5 - level ? each : i === 5 - level ? entry : 0n,
				);
				text += row(frame, isNew ? words.slice(0, 6 - level) : words);
				for (let i = 0n; level < 3 && i < size; i++)
					pages.push({
						iova: Number((frame + i) << 12n),
						hpa: Number((physical + i) << 12n),
						pages: 1,
						read: (rights & 1n) !== 0n,
						write: (rights & 2n) !== 0n,
					});
				frame += size;
				physical += size;
			}
			const dump = dumpOf(text);
			assert.equal(dump.entries, all.length);
			assert.equal(
				dump.pages,
				dump.mappings.reduce((sum, each) => sum + each.pages, 0),
			);
			// No run could have been part of the one before it.
			dump.mappings.forEach((each, i) => {
				const last = dump.mappings[i - 1];
				const isNext =
					last !== undefined &&
					last.iova + last.pages * 4096 === each.iova &&
					last.hpa + last.pages * 4096 === each.hpa &&
					last.read === each.read &&
					last.write === each.write;
				assert.ok(!isNext);
			});
			// Every page is where it was put; pages of 1 GiB are too many to look at one by one.
			let at = 0;
			for (const page of pages) {
				while (dump.mappings[at].iova + dump.mappings[at].pages * 4096 <= page.iova) at++;
				const {iova, hpa, read, write} = dump.mappings[at];
				assert.deepEqual(
					{...page, pages: 1},
					{iova: page.iova, hpa: hpa + page.iova - iova, pages: 1, read, write},
				);
			}
		}),
		fuzz(50, 20261122),
	);
});

test('a damaged dump is read to the end', () => {
	const text = HEAD + row(0n, [0n, 0x5003n, 0x6003n, 0x7003n, 0x8003n]).repeat(3);
	const damage = fc.tuple(fc.nat(text.length), fc.nat(40), fc.string({unit: 'binary', maxLength: 8}));
	fc.assert(
		fc.property(fc.array(damage, {maxLength: 5}), fc.boolean(), (damages, cut) => {
			let damaged = text;
			for (const [from, length, put] of damages)
				damaged = damaged.slice(0, from) + put + damaged.slice(from + length);
			for (const [id, {pages, entries, root, mappings}] of tableDumps(damaged, cut)) {
				assert.ok(id.length <= 40 && root >= 0);
				assert.ok(entries <= 3 && mappings.length <= entries);
				for (const {iova, hpa} of mappings) assert.ok(iova % 4096 === 0 && hpa % 4096 === 0);
				assert.equal(
					pages,
					mappings.reduce((sum, each) => sum + each.pages, 0),
				);
			}
		}),
		fuzz(500, 20261122),
	);
});
