import assert from 'node:assert/strict';
import {test} from 'node:test';
import {EVENT, FLAG, IR, IW, levelBits, REG} from '../../source/formats/amdvi.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {Memory} from '../../source/hardware/memory.js';
import {
	A,
	amdvi,
	dte,
	LEAF,
	put64,
	RW,
	refusalOf,
	SECOND,
	THIRD,
	TOP,
	TRANSLATED,
	table,
} from '../helpers/amdvi.js';
import {MIB} from '../helpers/lab.js';

const {PR, PE, RZ, RW: WRITE, MASTER_ABORT} = FLAG;

test('a disabled unit does not translate', () => {
	const unit = new Amdvi(new Memory(16 * MIB));
	assert.equal(unit.translate(A, 0x123456, true), 0x123456);
});

test('a mapped page translates and keeps its offset, even above 4 GiB', () => {
	const {unit} = amdvi(memory => put64(memory, LEAF + 8 * 5, 0xfffff000 | 1, RW | 0x12));
	assert.equal(unit.translate(A, 0x3abc, true), 0x103abc);
	assert.equal(unit.translate(A, 0x5abc, false), 0x12_ffff_fabc);
});

test('NextLevel 0 maps its level’s size: 2 MiB, 1 GiB, 512 GiB, 256 TiB', () => {
	assert.equal(amdvi().unit.translate(A, 0x212345, true), 0x612345);
	const gib = amdvi(memory => put64(memory, THIRD + 8, 0x40000001, RW | 3));
	assert.equal(gib.unit.translate(A, 0x40000000 + 0x3abcdef, true), 3 * 2 ** 32 + 0x40000000 + 0x3abcdef);
	const half = amdvi(memory => put64(memory, TOP + 8, 1, RW | 0x180));
	assert.equal(half.unit.translate(A, 2 ** 39 + 0x12_3456_789a, true), 3 * 2 ** 39 + 0x12_3456_789a);
	const large = amdvi(memory => {
		dte(memory, A, 0x2000 | levelBits(5) | 3, RW, 7);
		put64(memory, 0x2008, 1, RW | 0x20000);
	});
	assert.equal(large.unit.translate(A, 2 ** 48 + 0x1234_5678_9abc, true), 2 * 2 ** 48 + 0x1234_5678_9abc);
});

test('NextLevel 7 maps the size in its address, with copies of the entry for each default size', () => {
	for (let shift = 13; shift <= 47; shift++) {
		if ((shift - 12) % 9 === 0) continue;
		const level = Math.floor((shift - 12) / 9) + 1;
		const at = [LEAF, SECOND, THIRD, TOP][level - 1];
		const copies = 2 ** ((shift - 12) % 9);
		const ones = 2 ** (shift - 1) - 4096;
		const base = 2 ** shift;
		const {unit} = amdvi(memory => {
			for (let i = 0; i < copies; i++) {
				const lo = ((base + ones) % 2 ** 32) | levelBits(7) | 1;
				put64(memory, at + 8 * i, lo, RW | Math.floor((base + ones) / 2 ** 32));
			}
		});
		const step = 2 ** (12 + 9 * (level - 1));
		for (const i of [0, 1, copies - 1]) {
			const iova = i * step + 0x678;
			assert.equal(unit.translate(A, iova, true), base + iova, `2^${shift}, copy ${i}`);
		}
		if (copies < 512 && level > 1) assert.ok(unit.translate(A, copies * step, true) !== base + copies * step);
	}
});

test('a table may skip levels whose address bits are zero', () => {
	const {unit} = amdvi(memory => {
		table(memory, TOP, LEAF, 1);
		table(memory, TOP + 8, SECOND, 2);
	});
	assert.equal(unit.translate(A, 0x5678, true), 0x105678);
	assert.equal(unit.translate(A, 2 ** 39 + 0x5678, true), 0x105678);
	assert.equal(unit.translate(A, 2 ** 39 + 0x212345, true), 0x612345);
	for (const bit of [21, 29, 30, 38])
		assert.deepEqual(
			refusalOf(unit.translate(A, 2 ** bit, true)),
			[EVENT.IO_PAGE_FAULT, WRITE],
			`bit ${bit}`,
		);
	assert.deepEqual(refusalOf(unit.translate(A, 2 ** 39 + 2 ** 30, true)), [EVENT.IO_PAGE_FAULT, WRITE]);
});

test('each of one to six levels adds 9 bits of address', () => {
	for (let levels = 1; levels <= 6; levels++) {
		const {unit} = amdvi(memory => {
			const tables = [LEAF, SECOND, THIRD, TOP, 0x2000, 0x1000];
			table(memory, 0x2000, TOP, 4);
			table(memory, 0x1000, 0x2000, 5);
			dte(memory, A, tables[levels - 1] | levelBits(levels) | 3, RW, 7);
		});
		assert.equal(unit.translate(A, 0x5678, true), 0x105678);
		const width = 12 + 9 * levels;
		if (width <= 48)
			assert.deepEqual(refusalOf(unit.translate(A, 2 ** width, true)), [EVENT.IO_PAGE_FAULT, WRITE]);
	}
});

test('an access needs permission in the device table entry and every table entry', () => {
	const places: [string, (memory: Memory, hi: number) => void][] = [
		['the device table entry', (memory, hi) => dte(memory, A, TRANSLATED, hi, 7)],
		['level 4', (memory, hi) => table(memory, TOP, THIRD, 3, hi)],
		['level 2', (memory, hi) => table(memory, SECOND, LEAF, 1, hi)],
		['the page', (memory, hi) => table(memory, LEAF + 8 * 5, 0x105000, 0, hi)],
	];
	for (const [name, change] of places) {
		const reads = amdvi(memory => change(memory, IR)).unit;
		assert.equal(reads.translate(A, 0x5000, false), 0x105000, name);
		assert.deepEqual(
			refusalOf(reads.translate(A, 0x5000, true)),
			[EVENT.IO_PAGE_FAULT, PR | PE | WRITE],
			`${name}: write`,
		);
		const writes = amdvi(memory => change(memory, IW)).unit;
		assert.equal(writes.translate(A, 0x5000, true), 0x105000, name);
		assert.deepEqual(
			refusalOf(writes.translate(A, 0x5000, false)),
			[EVENT.IO_PAGE_FAULT, PR | PE],
			`${name}: read`,
		);
	}
});

test('without V nothing is translated, without TV all is refused, and mode 0 is 1:1 with its permissions', () => {
	const unitWith = (lo: number, hi = RW) => amdvi(memory => dte(memory, A, lo, hi, 7)).unit;
	const readOnly = unitWith(3, IR);
	assert.equal(unitWith(0xffe, 0).translate(A, 0x12_3456_789a, true), 0x12_3456_789a);
	assert.deepEqual(refusalOf(unitWith(1).translate(A, 0x5000, true)), [EVENT.IO_PAGE_FAULT, WRITE]);
	assert.equal(unitWith(3).translate(A, 0x12_3456_789a, true), 0x12_3456_789a);
	assert.equal(readOnly.translate(A, 0x5000, false), 0x5000);
	assert.deepEqual(refusalOf(readOnly.translate(A, 0x5000, true)), [EVENT.IO_PAGE_FAULT, PR | PE | WRITE]);
});

test('a write into the interrupt window bypasses the tables', () => {
	const {unit, faults} = amdvi();
	assert.equal(unit.translate(A, 0xfee00000, true), 0xfee00000);
	assert.equal(unit.translate(A, 0xfeeffffc, true), 0xfeeffffc);
	assert.deepEqual(faults, []);
	assert.ok(unit.translate(A, 0xfee00000, false) < 0);
	assert.ok(unit.translate(A, 0xfef00000, true) < 0);
});

const REFUSED: [string, number, number, number, number, (memory: Memory) => void][] = [
	['a device beyond the table', EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0, 0x80, 0x5000, () => {}],
	[
		'mode 7',
		EVENT.ILLEGAL_DEV_TABLE_ENTRY,
		RZ,
		A,
		0x5000,
		memory => dte(memory, A, TOP | levelBits(7) | 3, RW, 7),
	],
	[
		'a reserved bit in the first half of the entry',
		EVENT.ILLEGAL_DEV_TABLE_ENTRY,
		RZ,
		A,
		0x5000,
		memory => dte(memory, A, TRANSLATED | 4, RW, 7),
	],
	[
		'guest translation, which the unit lacks',
		EVENT.ILLEGAL_DEV_TABLE_ENTRY,
		RZ,
		A,
		0x5000,
		memory => dte(memory, A, TRANSLATED, RW | 0x800000, 7),
	],
	['a page that is not present', EVENT.IO_PAGE_FAULT, 0, A, 0x400000, () => {}],
	['an address beyond 48 bits', EVENT.IO_PAGE_FAULT, 0, A, 2 ** 48, () => {}],
	[
		'a next level that is not lower',
		EVENT.IO_PAGE_FAULT,
		PR | RZ,
		A,
		0x5000,
		memory => table(memory, THIRD, SECOND, 3),
	],
	[
		'a next level below the last',
		EVENT.IO_PAGE_FAULT,
		PR | RZ,
		A,
		0x5000,
		memory => table(memory, LEAF + 8 * 5, 0x105000, 1),
	],
	[
		'an encoded size that is the level’s own',
		EVENT.IO_PAGE_FAULT,
		PR | RZ,
		A,
		0x5000,
		memory => table(memory, SECOND, 0x6ff000, 7),
	],
	[
		'a page at level 6',
		EVENT.IO_PAGE_FAULT,
		PR | RZ,
		A,
		0x5000,
		memory => {
			dte(memory, A, 0x1000 | levelBits(6) | 3, RW, 7);
			table(memory, 0x1000, 0, 0);
		},
	],
	[
		'a reserved bit in an entry that points to a table',
		EVENT.IO_PAGE_FAULT,
		PR | RZ,
		A,
		0x5000,
		memory => table(memory, SECOND, LEAF, 1, RW | 0x10000000),
	],
	[
		'a reserved bit in an entry that maps a page',
		EVENT.IO_PAGE_FAULT,
		PR | RZ,
		A,
		0x5000,
		memory => table(memory, LEAF + 8 * 5, 0x105000, 0, RW | 0x100000),
	],
	[
		'a table outside memory',
		EVENT.PAGE_TAB_HARDWARE_ERROR,
		MASTER_ABORT,
		A,
		0x5000,
		memory => table(memory, SECOND, 0x7fff0000, 1),
	],
];
for (const [name, type, flags, rid, iova, change] of REFUSED) {
	test(`${name} is refused with event ${type}, flags ${flags.toString(16)}`, () => {
		for (const write of [false, true]) {
			const {unit, faults} = amdvi(change);
			assert.deepEqual(refusalOf(unit.translate(rid, iova, write)), [type, flags | (write ? WRITE : 0)]);
			const [{text, ...fault}] = faults;
			assert.deepEqual(fault, {rid, iova, write, reason: type, recorded: true});
			assert.match(text, /^[A-Z_]+: [a-z ]+$/);
		}
	});
}

test('FC and U of a page, and A and D of any entry, have no effect', () => {
	const {unit} = amdvi(memory => {
		table(memory, SECOND, LEAF | 0x60, 1);
		table(memory, LEAF + 8 * 5, 0x105000 | 0x60, 0, RW | 0x18000000);
	});
	assert.equal(unit.translate(A, 0x5000, true), 0x105000);
});

test('a device table outside memory is a hardware error', () => {
	const {unit, faults} = amdvi();
	unit.write32(REG.DEVICE_TABLE, 0x7fff0000);
	assert.deepEqual(refusalOf(unit.translate(A, 0x5000, true)), [
		EVENT.DEV_TAB_HARDWARE_ERROR,
		MASTER_ABORT | WRITE,
	]);
	assert.equal(faults[0].recorded, true);
});
