import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {parseFilter, type Row, SORTS} from '../../source/explain/filter.js';

const row = (iova: number, pages: number, owner: string, rights = 'rw', hpa = iova): Row => ({
	iova,
	hpa,
	pages,
	owner,
	read: rights[0] === 'r',
	write: rights[1] === 'w',
});
const ROWS = [
	row(0, 256, 'kernel'),
	row(0x100000, 512, 'vm0', '--'),
	row(0x300000, 1, 'vm1', 'r-'),
	row(0x301000, 99, 'bhyve vm0', '-w'),
	row(0x10000000, 2048, 'vm0', 'rw', 0x8000000),
];
const kept = (text: string, rows: readonly Row[] = ROWS): number[] | string => {
	const filter = parseFilter(text);
	return 'wrong' in filter ? filter.wrong : rows.flatMap((each, i) => (filter.keeps(each) ? [i] : []));
};

const WORDS: [string, number[]][] = [
	['', [0, 1, 2, 3, 4]],
	['   ', [0, 1, 2, 3, 4]],
	['vm0', [1, 3, 4]],
	['VM0', [1, 3, 4]],
	['!vm0', [0, 2]],
	['rw', [0, 4]],
	['--', [1]],
	['!--', [0, 2, 3, 4]],
	['r-', [2]],
	['-w', [3]],
	['0x100000', [1]],
	['0x2fffff', [1]],
	['0xff', [0]],
	['0x364000', []],
	['0x8000000', [4]],
	['0x10000001', [4]],
	['0x2ff000-0x300fff', [1, 2]],
	['0x300000–0x301000', [2, 3]],
	['!0x0-0x3fffff', [4]],
	['>256', [1, 4]],
	['>=256', [0, 1, 4]],
	['<99', [2]],
	['<=99', [2, 3]],
	['=2,048', [4]],
	['>1M', [1, 4]],
	['=8m', [4]],
	['<4k', []],
	['vm0 rw', [4]],
	['vm0 !rw >100', [1]],
	['vm0 vm1', []],
];
for (const [text, rows] of WORDS) test(`filter "${text}"`, () => assert.deepEqual(kept(text), rows));

for (const [text, wrong] of [
	['!', '! needs a word after it, as in !vm0.'],
	['0xzz', 'Not an address or range: 0xzz; write 0x1234000 or 0x1000-0x2fff.'],
	['vm0 0x1-0x2-0x3', 'Not an address or range: 0x1-0x2-0x3; write 0x1234000 or 0x1000-0x2fff.'],
	['0x1000-', 'Not an address or range: 0x1000-; write 0x1234000 or 0x1000-0x2fff.'],
	['0x2000-0x1000', '0x2000-0x1000 ends before it starts; write the lower address first.'],
	['>', '> needs a number; write >100 for pages, or >4M for a size.'],
	['=vm0', '=vm0 needs a number; write >100 for pages, or >4M for a size.'],
	['1000', '1000 is ambiguous; write 0x1000 for an address, or =1000 for pages.'],
])
	test(`filter "${text}" is refused with a sentence`, () => assert.equal(kept(text), wrong));

test('any text is a filter or an error, and ! inverts a word', () => {
	fc.assert(
		fc.property(fc.oneof(fc.string(), fc.constantFrom(...WORDS.map(([text]) => text))), text => {
			const word = text.replaceAll(/\s/g, '');
			const [plain, not] = [kept(word), kept(`!${word}`)];
			if (word === '' || word.startsWith('!') || typeof plain === 'string') return;
			assert.ok(Array.isArray(not));
			assert.deepEqual([...plain, ...not].sort(), [0, 1, 2, 3, 4]);
		}),
		{seed: 5},
	);
});

test('the orders are by address, by pages (most first) and by owner', () => {
	const order = (name: string) => {
		const sort = SORTS.find(each => each.name === name);
		return [...ROWS]
			.reverse()
			.sort(sort?.compare)
			.map(each => ROWS.indexOf(each));
	};
	assert.deepEqual(order('address'), [0, 1, 2, 3, 4]);
	assert.deepEqual(order('pages'), [4, 1, 0, 3, 2]);
	assert.deepEqual(order('owner'), [3, 0, 1, 4, 2]);
});

test('a million rows are filtered', () => {
	const rows = Array.from({length: 1_000_000}, (_, i) => row(i * 8192, 1, `vm${i % 7}`));
	assert.equal(kept('vm3 rw !0x0-0xffff <2', rows).length, 142_856);
});
