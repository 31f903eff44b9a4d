// A domain's mapping at an address, and the nearest on both sides. The tables are read in growing windows: a large
// domain is not decoded as a whole.

import {hex, PAGE_SIZE} from '../formats/address.js';
import type {Owned} from '../machine/observed.js';
import type {PhysicalReader} from '../machine/tables.js';
import {mappingsOf, type Tables, type Window} from './mappings.js';
import {rangeWords} from './names.js';
import {blockAt, type Range, rangesOf} from './ranges.js';

export type Nearest = {here?: Range; below?: Range; above?: Range};

const FIRST_WINDOW = 512 * PAGE_SIZE;
const GROWTH = 8;

/** Each range is complete within one owner's block of memory. */
export function nearest(
	memory: PhysicalReader,
	owned: readonly Owned[],
	tables: Tables,
	iova: number,
): Nearest {
	const rangesIn = (window: Window): Range[] => rangesOf(mappingsOf(memory, tables, window), owned);
	const page = iova - (iova % PAGE_SIZE);
	const mapped = rangesIn({from: page, to: page + PAGE_SIZE}).find(holds(page));
	const here = mapped && complete(rangesIn, owned, mapped, page);
	const from = here?.iova ?? page;
	const to = here === undefined ? page + PAGE_SIZE : endOf(here);
	return {
		here,
		below: nearestBelow(rangesIn, owned, from),
		above: nearestAbove(rangesIn, owned, to, 2 ** (12 + 9 * tables.levels)),
	};
}

type RangesIn = (window: Window) => Range[];

function nearestBelow(rangesIn: RangesIn, owned: readonly Owned[], to: number): Range | undefined {
	for (let bytes = FIRST_WINDOW; ; bytes *= GROWTH) {
		const from = Math.max(0, to - bytes);
		const found = rangesIn({from, to}).at(-1);
		if (found !== undefined) return complete(rangesIn, owned, found, endOf(found) - PAGE_SIZE);
		if (from === 0) return undefined;
	}
}

function nearestAbove(
	rangesIn: RangesIn,
	owned: readonly Owned[],
	from: number,
	end: number,
): Range | undefined {
	for (let bytes = FIRST_WINDOW; ; bytes *= GROWTH) {
		const [found] = rangesIn({from, to: from + bytes});
		if (found !== undefined) return complete(rangesIn, owned, found, found.iova);
		if (from + bytes >= end) return undefined;
	}
}

/** A window may cut a range off: this is the whole of it, as far as its owner's block can continue it. */
function complete(rangesIn: RangesIn, owned: readonly Owned[], range: Range, iova: number): Range {
	const block = blockAt(owned, range.hpa);
	if (block === undefined) return range;
	const shift = range.iova - range.hpa;
	const from = Math.max(0, block.hpa + shift);
	return rangesIn({from, to: block.hpa + block.pages * PAGE_SIZE + shift}).find(holds(iova)) ?? range;
}

const endOf = ({iova, pages}: Range): number => iova + pages * PAGE_SIZE;
const holds =
	(iova: number) =>
	(range: Range): boolean =>
		iova >= range.iova && iova < endOf(range);

/** The neighbours as a sentence; empty without neighbours. */
/** `around`: the address, where the sentence before it names others too. */
export function nearWords({here, below, above}: Nearest, around?: number): string {
	const words = [
		here && `Mapped there: ${rangeWords(here)}`,
		below && `mapped below: ${rangeWords(below)}`,
		above && `mapped above: ${rangeWords(above)}`,
	].filter(text => text !== undefined);
	if (words.length === 0) return '';
	const text = words.join('; ');
	if (around !== undefined) return ` Around ${hex(around)}: ${text[0].toLowerCase()}${text.slice(1)}.`;
	return ` ${text[0].toUpperCase()}${text.slice(1)}.`;
}
