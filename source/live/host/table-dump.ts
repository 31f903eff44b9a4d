// A dump of VT-d page tables: a row per mapped page, with the entries that lead to it (dump_page_info in Linux's
// drivers/iommu/intel/debugfs.c).

import {MappingList, READ, WRITE} from '../../explain/mappings.js';
import {type Halves, PAGE_SIZE, pageAddress, parseHalves} from '../../formats/address.js';
import {isPage, rights as rightsOf} from '../../formats/vtd-tables.js';
import type {Mapping} from '../../machine/tables.js';

export type TableDump = {
	/** The address of the top table: devices with the same root are in the same domain. */
	root: number;
	pages: number;
	entries: number;
	mappings: readonly Mapping[];
	/** Only the beginning was read. */
	cut: boolean;
};

/** The PASID appears in scalable mode, in kernels with a file per device. */
const HEAD = /^Device ([\w:.-]{1,40}) (?:with pasid [0-9a-f]{1,8} )?@0x([0-9a-f]{1,16})$/;
/** IOVA_PFN, PML5E, PML4E, PDPE, PDE and PTE. Kernels with a file per device omit zeros at the end. */
const ROW = /^0x([0-9a-f]{13,16}) \|((?:\s+0x[0-9a-f]{16}){3,5})$/;
const COLUMNS = 5;

/** The dump of each device in a file, in the file's order. `cut`: the file continues. */
export function tableDumps(text: string, cut: boolean): [id: string, dump: TableDump][] {
	const found: {id: string; dump: TableDump; list: MappingList}[] = [];
	const lines = text.split('\n');
	// The rest of a row that was cut may look like a large page's row.
	if (cut) lines.pop();
	for (const line of lines) {
		const [, id, root] = HEAD.exec(line) ?? [];
		const last = found.at(-1);
		if (id !== undefined) {
			const list = new MappingList();
			const dump = {root: addressOf(root), pages: 0, entries: 0, mappings: list.list, cut: false};
			found.push({id, dump, list});
		} else if (last !== undefined) addRow(last.dump, last.list, line);
	}
	const last = found.at(-1);
	if (last !== undefined) last.dump.cut = cut;
	return found.map(({id, dump}) => [id, dump]);
}

/** The last nonzero entry maps the page: 4 KiB in the PTE column, 2 MiB in PDE, 1 GiB in PDPE. */
function addRow(dump: TableDump, list: MappingList, line: string): void {
	const [, frame, columns = ''] = ROW.exec(line) ?? [];
	const words = columns.trim().split(/\s+/).map(wordOf);
	const leaf = words.findLastIndex(({lo, hi}) => lo !== 0 || hi !== 0);
	const level = COLUMNS - leaf;
	if (frame === undefined || leaf < 0 || !isPage(words[leaf].lo, level)) return;
	const pages = 512 ** (level - 1);
	// The two rights have the same bits in second-level entries and in first-level ones, where they are P and R/W. A
	// column of zeros is a level that these tables do not have.
	const rights = words
		.slice(0, leaf + 1)
		.filter(({lo, hi}) => lo !== 0 || hi !== 0)
		.reduce((allowed, {lo}) => allowed & rightsOf(lo), READ | WRITE);
	// Multiples of 4,096 are exact in a number, up to the 57 bits of five levels and beyond.
	const iova = addressOf(frame) * PAGE_SIZE;
	const address = pageAddress(words[leaf].lo, words[leaf].hi);
	// The low bits of a large page's entry are not part of its address.
	const hpa = address - (address % (pages * PAGE_SIZE));
	dump.entries++;
	dump.pages += pages;
	list.add(iova, hpa, pages, rights);
}

const wordOf = (text: string): Halves => parseHalves(text.slice(2)) ?? {lo: 0, hi: 0};
const addressOf = (digits: string): number => Number.parseInt(digits, 16);
