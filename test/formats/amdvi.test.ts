import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {HIGH} from '../../source/formats/address.js';
import * as amdvi from '../../source/formats/amdvi.js';
import {ALL_PAGES, commandPages, decodeCommand, PAGES_S} from '../../source/formats/amdvi.js';

/** The halves of an address that encodes a page of 2^shift bytes: ones from bit 12 up, and a zero below the top. */
const encoded = (shift: number) => {
	const ones = 2 ** (shift - 1) - 4096;
	return {lo: (ones % HIGH) | 0, hi: Math.floor(ones / HIGH)};
};

test('an address encodes every size between two levels, and a level accepts only its own sizes', () => {
	for (let shift = 13; shift <= 52; shift++) {
		const {lo, hi} = encoded(shift);
		for (let level = 1; level <= 6; level++) {
			const own = shift > 3 + 9 * level && shift < 12 + 9 * level;
			assert.equal(amdvi.sizedShift(lo, hi, level), own ? shift : undefined, `2^${shift} at level ${level}`);
		}
	}
	assert.equal(amdvi.sizedShift(0xfffff000 | 0, 0xfffff, 5), undefined, 'no zero bit');
});

test('an invalidation covers one page, a power of two around the address, or all pages', () => {
	const pages = (lo: number, hi: number) => commandPages(decodeCommand(0, 0, lo, hi));
	assert.deepEqual(pages(0x5000, 1), {first: 0x100005, count: 1});
	assert.deepEqual(pages(0x7ffff000, 0), {first: 0x7ffff, count: 1}, 'without S the ones have no meaning');
	assert.deepEqual(pages(0x4000 | PAGES_S, 0), {first: 4, count: 2});
	assert.deepEqual(pages(0x5000 | PAGES_S, 0), {first: 4, count: 4});
	assert.deepEqual(pages(0x2ff000 | PAGES_S, 0), {first: 0x200, count: 512});
	assert.equal(pages(ALL_PAGES.lo | PAGES_S, ALL_PAGES.hi), undefined);
});

test('a decoded event equals the encoded one', () => {
	fc.assert(
		fc.property(
			fc.integer({min: 1, max: 6}),
			fc.nat(0xfff),
			fc.nat(0xffff),
			fc.nat(0xffff),
			fc.nat(2 ** 31),
			(type, flags, rid, domain, page) => {
				const address = page * 4096 + 8;
				const code = amdvi.refusal(type, flags);
				assert.deepEqual([amdvi.refusalType(code), amdvi.refusalFlags(code)], [type, flags]);
				const [w0, w1, w2, w3] = amdvi.encodeEvent(
					code,
					rid,
					domain,
					address % HIGH,
					Math.floor(address / HIGH),
				);
				assert.deepEqual(amdvi.decodeEvent(w0, w1, w2, w3), {type, flags, rid, domain, address});
			},
		),
		{seed: 21},
	);
});

test('an event’s text gives its name and its cause', () => {
	const {EVENT, FLAG, eventText} = amdvi;
	assert.equal(eventText(EVENT.IO_PAGE_FAULT, FLAG.RW), 'IO_PAGE_FAULT: not present');
	assert.equal(
		eventText(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.PE | FLAG.RW),
		'IO_PAGE_FAULT: no permission to write',
	);
	assert.equal(eventText(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.PE), 'IO_PAGE_FAULT: no permission to read');
	assert.equal(
		eventText(EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0),
		'ILLEGAL_DEV_TABLE_ENTRY: beyond the device table',
	);
	assert.equal(eventText(EVENT.ILLEGAL_COMMAND_ERROR, 0), 'ILLEGAL_COMMAND_ERROR');
	assert.equal(eventText(15, 0), 'event 15');
});
