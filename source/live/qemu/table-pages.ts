// The pages that hold the IOMMU's tables, as they were read last. Each look reads them anew and says which of their
// entries are others than before; what nobody looks at any more is forgotten.

import {PAGE_SIZE} from '../../formats/address.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {GuestMemory} from './memory.js';

/** `first` and `last` of the 64-bit entries that have changed; neither where none has. */
export type Looked = {words: Uint32Array; changed?: {first: number; last: number}};

const WORDS = PAGE_SIZE / 4;

export class TablePages implements PhysicalReader {
	private known: ReadonlyMap<number, Uint32Array> = new Map();

	constructor(readonly memory: GuestMemory) {}

	/** A page of a table as it was read last; any other as it is now, where it can be read at once. */
	page(gpa: number): Uint32Array | undefined {
		return this.known.get(gpa) ?? this.memory.page(gpa);
	}

	look(): Look {
		return new Look(this.memory, this.known);
	}

	/** From now on pages are as in this look. */
	take({seen}: Look): void {
		this.known = new Map([...seen].map(([gpa, {words}]) => [gpa, words]));
	}
}

/** One look at the tables: no page is read twice, however many entries lead to it. */
export class Look implements PhysicalReader {
	readonly seen = new Map<number, Looked>();
	private readonly scratch = new Uint32Array(WORDS);

	constructor(
		private readonly memory: GuestMemory,
		private readonly before: ReadonlyMap<number, Uint32Array>,
	) {}

	/** What has been looked at so far. */
	page(gpa: number): Uint32Array | undefined {
		return this.seen.get(gpa)?.words;
	}

	/** Undefined where there is no memory. */
	async at(gpa: number): Promise<Looked | undefined> {
		const known = this.seen.get(gpa);
		if (known !== undefined) return known;
		if (!(await this.memory.readPage(gpa, this.scratch))) return undefined;
		const looked = held(this.before.get(gpa), this.scratch);
		this.seen.set(gpa, looked);
		return looked;
	}
}

/** A page's new words against its old ones. */
function held(before: Uint32Array | undefined, now: Uint32Array): Looked {
	if (before === undefined) return {words: now.slice(), changed: {first: 0, last: WORDS / 2 - 1}};
	let first = 0;
	while (first < WORDS && before[first] === now[first]) first++;
	if (first === WORDS) return {words: before};
	let last = WORDS - 1;
	while (before[last] === now[last]) last--;
	return {words: now.slice(), changed: {first: first >>> 1, last: last >>> 1}};
}
