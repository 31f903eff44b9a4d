// What a kernel's IOMMU tables map, by a walk that shares nothing with source/: BigInt words, the specifications'
// tables, and an error for each bit that is set and should not be.

import assert from 'node:assert/strict';

/** The 64-bit word at a physical address. @throws where there is no memory */
export type ReadWord = (address: bigint) => bigint;
export type Leaf = {iova: number; hpa: number; bytes: number; read: boolean; write: boolean};
export type PlainDomain = {id: number; rids: number[]; root: bigint; levels: number; leaves: Leaf[]};

const bits = (word: bigint, high: number, low: number): bigint =>
	(word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
const address = (word: bigint): bigint => bits(word, 51, 12) << 12n;
const zero = (word: bigint, high: number, low: number, what: string): void =>
	assert.equal(
		bits(word, high, low),
		0n,
		`${what}: bits ${high}:${low} of 0x${word.toString(16)} are reserved`,
	);

/** Intel VT-d, legacy mode: 9.1 root entry, 9.3 context entry, 9.8 second-stage paging entries. `width`: of a HPA. */
export function vtdDomains(word: ReadWord, rootTable: bigint, width: number): PlainDomain[] {
	const domains = new Map<number, PlainDomain>();
	for (let bus = 0; bus < 256; bus++) {
		const rootAt = rootTable + 16n * BigInt(bus);
		const root = word(rootAt);
		if ((root & 1n) === 0n) continue;
		zero(root, 11, 1, 'root entry');
		zero(root, 63, width, 'root entry');
		assert.equal(word(rootAt + 8n), 0n, 'the high half of a root entry is reserved');
		for (let devfn = 0; devfn < 256; devfn++) {
			const contextAt = address(root) + 16n * BigInt(devfn);
			const low = word(contextAt);
			const high = word(contextAt + 8n);
			if ((low & 1n) === 0n) continue;
			zero(low, 11, 4, 'context entry');
			zero(low, 63, width, 'context entry');
			zero(high, 7, 7, 'context entry');
			zero(high, 63, 24, 'context entry');
			assert.equal(bits(low, 3, 2), 0n, 'every device is translated, by second-level tables');
			const levels = 2 + Number(bits(high, 2, 0));
			const leaves: Leaf[] = [];
			const found = {id: Number(bits(high, 23, 8)), rids: [], root: address(low), levels, leaves};
			join(domains, found, bus * 256 + devfn, () => vtdTable(word, found.root, levels, 0n, width, leaves));
		}
	}
	return [...domains.values()];
}

function vtdTable(
	word: ReadWord,
	table: bigint,
	level: number,
	base: bigint,
	width: number,
	leaves: Leaf[],
): void {
	const size = 1n << BigInt(12 + 9 * (level - 1));
	for (let i = 0n; i < 512n; i++) {
		const entry = word(table + 8n * i);
		const read = (entry & 1n) !== 0n;
		const write = (entry & 2n) !== 0n;
		if (!read && !write) continue;
		zero(entry, 51, width, `level ${level}`);
		zero(entry, 11, 11, `level ${level}, SNP`);
		zero(entry, 62, 62, `level ${level}, TM`);
		const iova = base + i * size;
		const large = bits(entry, 7, 7) === 1n;
		if (level > 3) zero(entry, 7, 7, `level ${level}`);
		if (level === 1 || large) {
			assert.equal(address(entry) % size, 0n, 'a large page lies on its own size');
			leaves.push({iova: Number(iova), hpa: Number(address(entry)), bytes: Number(size), read, write});
		} else {
			assert.ok(read && write, 'Linux restricts in the leaf alone');
			vtdTable(word, address(entry), level - 1, iova, width, leaves);
		}
	}
}

/** Devices of one domain id have to share its tables; they are walked once. */
function join(domains: Map<number, PlainDomain>, found: PlainDomain, rid: number, walk: () => void): void {
	const known = domains.get(found.id);
	if (known === undefined) {
		domains.set(found.id, found);
		walk();
	} else assert.deepEqual([known.root, known.levels], [found.root, found.levels]);
	(known ?? found).rids.push(rid);
}
