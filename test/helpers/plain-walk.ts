// What a kernel's IOMMU tables map, by a walk that shares nothing with source/: BigInt words, the specifications'
// tables, and an error for each bit that is set and should not be.

import assert from 'node:assert/strict';

/** The 64-bit word at a physical address. @throws where there is no memory */
export type ReadWord = (address: bigint) => bigint;
export type Leaf = {iova: number; hpa: number; bytes: number; read: boolean; write: boolean};
export type PlainDomain = {id: number; rids: number[]; root: number; levels: number; leaves: Leaf[]};

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
			const found = {id: Number(bits(high, 23, 8)), rids: [], root: Number(address(low)), levels, leaves};
			join(domains, found, bus * 256 + devfn, () => vtdTable(word, address(low), levels, 0n, width, leaves));
		}
	}
	return [...domains.values()];
}

/** The same in scalable mode, second stage: 9.2 root entry, 9.4 context entry, 9.5 and 9.6 PASID directory and table. */
export function scalableDomains(word: ReadWord, rootTable: bigint, width: number): PlainDomain[] {
	const domains = new Map<number, PlainDomain>();
	for (let rid = 0; rid < 65536; rid++) {
		const half = word(rootTable + 16n * BigInt(rid >> 8) + ((rid & 0x80) === 0 ? 0n : 8n));
		if ((half & 1n) === 0n) continue;
		zero(half, 11, 1, 'root entry');
		const contextAt = address(half) + 32n * BigInt(rid & 0x7f);
		const context = word(contextAt);
		if ((context & 1n) === 0n) continue;
		zero(context, 8, 5, 'context entry');
		assert.equal(word(contextAt + 8n) & 0xfffffn, 0n, 'Linux uses PASID 0 for requests without one');
		const directory = word(address(context));
		assert.equal(directory & 0xfffn, 1n, 'PASID directory entry');
		const [first, second] = [0n, 8n].map(offset => word(address(directory) + offset));
		assert.equal(bits(first, 0, 0), 1n, 'the PASID is in use');
		assert.equal(bits(first, 8, 6), 2n, 'every device is translated by the second stage');
		const levels = 2 + Number(bits(first, 4, 2));
		const leaves: Leaf[] = [];
		const found = {id: Number(bits(second, 15, 0)), rids: [], root: Number(address(first)), levels, leaves};
		join(domains, found, rid, () => vtdTable(word, address(first), levels, 0n, width, leaves));
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

/** AMD-Vi (48882): 2.2.2.1 device table entry, 2.2.3 page tables. An entry with mode 0 has no tables. */
export function amdviDomains(word: ReadWord, deviceTable: bigint, bytes: number): PlainDomain[] {
	const domains = new Map<number, PlainDomain>();
	for (let id = 0; id < bytes / 32; id++) {
		const at = deviceTable + 32n * BigInt(id);
		const entry = word(at);
		const levels = Number(bits(entry, 11, 9));
		// Linux leaves out what lies past the last device.
		if (entry === 0n) continue;
		assert.equal(bits(entry, 1, 0), 3n, 'Linux sets V and TV together');
		zero(entry, 6, 2, 'device table entry');
		zero(entry, 58, 52, 'device table entry');
		zero(entry, 63, 63, 'device table entry');
		if (levels === 0) {
			zero(entry, 62, 61, 'the entry of a device that is not attached: IR and IW');
			continue;
		}
		assert.equal(bits(entry, 62, 61), 3n, 'Linux restricts in the leaf alone');
		const leaves: Leaf[] = [];
		const found = {
			id: Number(word(at + 8n) & 0xffffn),
			rids: [],
			root: Number(address(entry)),
			levels,
			leaves,
		};
		join(domains, found, id, () => amdviTable(word, address(entry), levels, 0n, leaves));
	}
	return [...domains.values()];
}

function amdviTable(word: ReadWord, table: bigint, level: number, base: bigint, leaves: Leaf[]): void {
	const size = 1n << BigInt(12 + 9 * (level - 1));
	for (let i = 0n; i < 512n; ) {
		const entry = word(table + 8n * i);
		const iova = base + i * size;
		const next = Number(bits(entry, 11, 9));
		let same = 1n;
		if ((entry & 1n) !== 0n) {
			zero(entry, 58, 52, `level ${level}`);
			zero(entry, 63, 63, `level ${level}`);
			const read = (entry & (1n << 61n)) !== 0n;
			const write = (entry & (1n << 62n)) !== 0n;
			if (next === 0 || next === 7) {
				const bytes = next === 0 ? size : encodedSize(entry);
				same = bytes / size;
				assert.ok(same >= 1n && same < 512n && i % same === 0n, 'a page lies on its own size');
				for (let k = 1n; k < same; k++) assert.equal(word(table + 8n * (i + k)), entry);
				const hpa = address(entry) & ~(bytes - 1n);
				leaves.push({iova: Number(iova), hpa: Number(hpa), bytes: Number(bytes), read, write});
			} else {
				zero(entry, 60, 59, `level ${level}, pointing to a table`);
				assert.equal(next, level - 1, 'Linux skips no level');
				assert.ok(read && write, 'Linux restricts in the leaf alone');
				amdviTable(word, address(entry), next, iova, leaves);
			}
		}
		i += same;
	}
}

/** NextLevel 7: the first zero bit of the address, from bit 12 up, is half the page's size (table 14). */
function encodedSize(entry: bigint): bigint {
	let half = 1n << 12n;
	while ((entry & half) !== 0n) half <<= 1n;
	return half << 1n;
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
