// The pages that hold the IOMMU's tables, as last read. Each view reads them again and finds the entries that changed;
// pages that are no longer part of the tables are dropped.

import {PAGE_SIZE} from '../../formats/address.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {GuestMemory} from './memory.js';

/** `changed`: the first and last of the 64-bit entries that changed, where any did. */
export type TablePage = {words: Uint32Array; changed?: {first: number; last: number}};

const WORDS = PAGE_SIZE / 4;

export class TablePages implements PhysicalReader {
	private cached: ReadonlyMap<number, Uint32Array> = new Map();

	constructor(readonly memory: GuestMemory) {}

	/** A table's page as last read; any other page as it is now, where it can be read synchronously. */
	page(gpa: number): Uint32Array | undefined {
		return this.cached.get(gpa) ?? this.memory.page(gpa);
	}

	view(): TableView {
		return new TableView(this.memory, this.cached);
	}

	/** Makes this view the last one. */
	adopt({pages}: TableView): void {
		this.cached = new Map([...pages].map(([gpa, {words}]) => [gpa, words]));
	}
}

/** One view of the tables. Each page is read once, however many entries lead to it. */
export class TableView implements PhysicalReader {
	readonly pages = new Map<number, TablePage>();
	private readonly scratch = new Uint32Array(WORDS);

	constructor(
		private readonly memory: GuestMemory,
		private readonly before: ReadonlyMap<number, Uint32Array>,
	) {}

	/** A page that this view has read already. */
	page(gpa: number): Uint32Array | undefined {
		return this.pages.get(gpa)?.words;
	}

	/** Undefined where there is no memory. */
	async at(gpa: number): Promise<TablePage | undefined> {
		const read = this.pages.get(gpa);
		if (read !== undefined) return read;
		if (!(await this.memory.readPage(gpa, this.scratch))) return undefined;
		const page = compare(this.before.get(gpa), this.scratch);
		this.pages.set(gpa, page);
		return page;
	}
}

/** Compares a page's new words with its old ones. */
function compare(before: Uint32Array | undefined, now: Uint32Array): TablePage {
	if (before === undefined) return {words: now.slice(), changed: {first: 0, last: WORDS / 2 - 1}};
	let first = 0;
	while (first < WORDS && before[first] === now[first]) first++;
	if (first === WORDS) return {words: before};
	let last = WORDS - 1;
	while (before[last] === now[last]) last--;
	return {words: now.slice(), changed: {first: first >>> 1, last: last >>> 1}};
}
