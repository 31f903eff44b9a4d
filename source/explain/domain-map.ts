// Memory as a map of cells: how many domains reach each page. For machines whose memory has no known owners.

import {PAGE_SIZE} from '../formats/address.js';
import type {Owned} from '../machine/observed.js';
import {banksOf} from './banks.js';
import {type Cell, cellsFor, type MemoryMap, spread} from './memory-map.js';
import {type DomainView, NO_MEMORY, type Range} from './ranges.js';

/** The cells' letters and meanings. A cell shows its most shared page. */
export const SHARED = {
	none: {letter: '·', text: 'no domain'},
	one: {letter: '1', text: 'one domain'},
	several: {letter: '+', text: 'several domains'},
} as const;

export function domainMap(owned: readonly Owned[], views: readonly DomainView[], wanted: number): MemoryMap {
	const banks = banksOf(owned);
	const count = cellsFor(banks, wanted);
	const [memory, mapped, shared] = [1, 2, 3].map(() => new Float64Array(count));
	const sums = {memory: 0, mapped: 0, shared: 0};
	for (const block of owned) {
		spread(memory, banks, block.hpa, block.pages);
		sums.memory += block.pages;
	}
	for (const {hpa, pages: length, domains} of sharedBy(views)) {
		spread(mapped, banks, hpa, length);
		sums.mapped += length;
		if (domains === 1) continue;
		spread(shared, banks, hpa, length);
		sums.shared += length;
	}
	const cells = Array.from({length: count}, (_, i): Cell => {
		const kind = shared[i] > 0 ? 'several' : mapped[i] > 0 ? 'one' : 'none';
		return {letter: SHARED[kind].letter, owner: SHARED[kind].text, mixed: mapped[i] < memory[i]};
	});
	const legend = [
		{...SHARED.none, pages: sums.memory - sums.mapped},
		{...SHARED.one, pages: sums.mapped - sums.shared},
		{...SHARED.several, pages: sums.shared},
	];
	return {...banks, cells, legend};
}

type Piece = {hpa: number; pages: number; domains: number};

/** All mapped memory, by address, in pieces with the number of domains that map each. */
function sharedBy(views: readonly DomainView[]): Piece[] {
	const edges = views.flatMap(({ranges}) =>
		unionOf(ranges).flatMap(([from, to]): [number, 1 | -1][] => [
			[from, 1],
			[to, -1],
		]),
	);
	edges.sort(([a], [b]) => a - b);
	const pieces: Piece[] = [];
	let domains = 0;
	for (const [i, [at, step]] of edges.entries()) {
		const before = edges[i - 1]?.[0] ?? at;
		if (domains > 0 && at > before) pieces.push({hpa: before, pages: (at - before) / PAGE_SIZE, domains});
		domains += step;
	}
	return pieces;
}

/** Memory that a domain maps. A page mapped at several addresses counts once. */
function unionOf(ranges: readonly Range[]): [from: number, to: number][] {
	const union: [number, number][] = [];
	const reached = ranges.filter(({read, write, owner}) => (read || write) && owner !== NO_MEMORY);
	for (const {hpa, pages} of reached.sort((a, b) => a.hpa - b.hpa)) {
		const end = hpa + pages * PAGE_SIZE;
		const last = union.at(-1);
		if (last !== undefined && hpa <= last[1]) last[1] = Math.max(last[1], end);
		else union.push([hpa, end]);
	}
	return union;
}
