// What a domain maps at an address, and nearest to it on both sides: read from its tables in windows that grow, so
// that no more of a large domain is decoded than it takes.

import {PAGE_SIZE} from '../formats/address.js';
import type {Owned} from '../machine/observed.js';
import type {PhysicalReader} from '../machine/tables.js';
import {mappingsOf, type Tables, type Window} from './mappings.js';
import {blockAt, type Range, rangesOf} from './ranges.js';

export type Nearest = {here?: Range; below?: Range; above?: Range};

const FIRST_WINDOW = 512 * PAGE_SIZE;
const GROWTH = 8;

/** Each is all of the mapping that lies in one owner's block of memory. */
export function nearest(
	memory: PhysicalReader,
	owned: readonly Owned[],
	tables: Tables,
	iova: number,
): Nearest {
	const seen = (window: Window): Range[] => rangesOf(mappingsOf(memory, tables, window), owned);
	const page = iova - (iova % PAGE_SIZE);
	const here = whole(seen, owned, seen({from: page, to: page + PAGE_SIZE}).find(holds(page)), page);
	const from = here?.iova ?? page;
	const to = here === undefined ? page + PAGE_SIZE : endOf(here);
	return {
		here,
		below: nearestBelow(seen, owned, from),
		above: nearestAbove(seen, owned, to, widthOf(tables)),
	};
}

type Seen = (window: Window) => Range[];

function nearestBelow(seen: Seen, owned: readonly Owned[], to: number): Range | undefined {
	for (let bytes = FIRST_WINDOW; ; bytes *= GROWTH) {
		const from = Math.max(0, to - bytes);
		const found = seen({from, to}).at(-1);
		if (found !== undefined) return whole(seen, owned, found, endOf(found) - PAGE_SIZE);
		if (from === 0) return undefined;
	}
}

function nearestAbove(seen: Seen, owned: readonly Owned[], from: number, end: number): Range | undefined {
	for (let bytes = FIRST_WINDOW; ; bytes *= GROWTH) {
		const [found] = seen({from, to: from + bytes});
		if (found !== undefined) return whole(seen, owned, found, found.iova);
		if (from + bytes >= end) return undefined;
	}
}

/** The range at `iova`, of which a window may have shown a part: as far as its owner's block can continue it. */
function whole(
	seen: Seen,
	owned: readonly Owned[],
	range: Range | undefined,
	iova: number,
): Range | undefined {
	if (range === undefined) return undefined;
	const block = blockAt(owned, range.hpa);
	if (block === undefined) return range;
	const shift = range.iova - range.hpa;
	const from = Math.max(0, block.hpa + shift);
	return seen({from, to: block.hpa + block.pages * PAGE_SIZE + shift}).find(holds(iova)) ?? range;
}

const endOf = ({iova, pages}: Range): number => iova + pages * PAGE_SIZE;
const holds =
	(iova: number) =>
	(range: Range): boolean =>
		iova >= range.iova && iova < endOf(range);
const widthOf = ({levels}: Tables): number => 2 ** (12 + 9 * levels);
