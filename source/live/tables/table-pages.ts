// The pages that hold the IOMMU's tables, as last read. Each view reads them again and finds the entries that changed;
// pages that are no longer part of the tables are dropped.

import {PAGE_SIZE} from '../../formats/address.js';
import type {PhysicalReader} from '../../machine/tables.js';

/** The memory of a machine that goes on while it is read. */
export interface LiveMemory extends PhysicalReader {
	/**
	 * Fills the words of a page; false if there is no memory.
	 * @throws UserError if memory cannot be read
	 */
	readPage(hpa: number, words: Uint32Array): boolean | Promise<boolean>;
	/**
	 * Whether tables may be freed and used for something else while they are read. Then what leads to a table is read
	 * again after the table, and what has changed is dropped.
	 */
	readonly guarded?: boolean;
}

/** `changed`: the first and last of the 64-bit entries that changed, where any did. */
export type TablePage = {words: Uint32Array; changed?: {first: number; last: number}};

const WORDS = PAGE_SIZE / 4;

export class TablePages<Memory extends LiveMemory = LiveMemory> implements PhysicalReader {
	private cached: ReadonlyMap<number, Uint32Array> = new Map();

	constructor(readonly memory: Memory) {}

	/** A table's page as last read; any other page as it is now, where it can be read synchronously. */
	page(gpa: number): Uint32Array | undefined {
		return this.cached.get(gpa) ?? this.memory.page(gpa);
	}

	/** The pages as last read. */
	entries(): Iterable<[hpa: number, words: Uint32Array]> {
		return this.cached.entries();
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
	/** Tables that were dropped, since what led to them changed while they were read. */
	torn = 0;
	private readonly scratch = new Uint32Array(WORDS);

	constructor(
		private readonly memory: LiveMemory,
		private readonly before: ReadonlyMap<number, Uint32Array>,
	) {}

	get guarded(): boolean {
		return this.memory.guarded === true;
	}

	/** A page that this view has read already. */
	page(gpa: number): Uint32Array | undefined {
		return this.pages.get(gpa)?.words;
	}

	/** Undefined if there is no memory. */
	async at(gpa: number): Promise<TablePage | undefined> {
		const read = this.pages.get(gpa);
		if (read !== undefined) return read;
		if (!(await this.memory.readPage(gpa, this.scratch))) return undefined;
		const page = compare(this.before.get(gpa), this.scratch);
		this.pages.set(gpa, page);
		return page;
	}

	/**
	 * Reads a table again after those that its entries lead to, and drops the entries that have changed since: their
	 * tables may have been freed before they were read.
	 * @returns the dropped entries
	 */
	async confirm(gpa: number, entries: readonly number[]): Promise<readonly number[]> {
		const page = this.pages.get(gpa);
		if (page === undefined) return [];
		const {words} = page;
		const exists = await this.memory.readPage(gpa, this.scratch);
		const now = this.scratch;
		const changed = entries.filter(
			i => !exists || words[2 * i] !== now[2 * i] || words[2 * i + 1] !== now[2 * i + 1],
		);
		if (changed.length > 0) this.drop(gpa, changed);
		return changed;
	}

	/** Takes entries of a table for absent: in this view, and until the next finds what they are. */
	drop(gpa: number, entries: readonly number[]): void {
		const page = this.pages.get(gpa);
		if (page === undefined) return;
		// The words may be those of an earlier view.
		const words = page.words.slice();
		for (const i of entries) words.fill(0, 2 * i, 2 * i + 2);
		this.torn += entries.length;
		this.pages.set(gpa, {...page, words});
	}

	/** Whether a page is still as it was read. */
	async isSame(gpa: number): Promise<boolean> {
		const words = this.pages.get(gpa)?.words;
		if (words === undefined) return true;
		return (
			(await this.memory.readPage(gpa, this.scratch)) && this.scratch.every((word, i) => word === words[i])
		);
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
