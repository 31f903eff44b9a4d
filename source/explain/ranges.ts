// A domain's ranges: its mappings with the owners of their pages, and the holes between them.

import {PAGE_SIZE} from '../formats/address.js';
import type {Owned} from '../machine/observed.js';
import type {Domain, Mapping, PhysicalReader} from '../machine/tables.js';
import {identityOf, isIdentity, mappingsOf} from './mappings.js';

/** A mapping within one owner's pages; without read and write, a hole: pages that the host domain lacks. */
export type Range = Mapping & {owner: string};

/** In place of an owner: the page is free, its owner is unknown, or it does not exist. */
export const FREE = 'free';
export const UNKNOWN = '';
export const NO_MEMORY = 'no memory';

/** Mappings, split where the owner of the pages changes. */
export function rangesOf(mappings: readonly Mapping[], owned: readonly Owned[]): Range[] {
	const ranges: Range[] = [];
	for (const mapping of mappings) {
		let at = mapping.hpa;
		const end = mapping.hpa + mapping.pages * PAGE_SIZE;
		let i = firstPast(owned, at);
		while (at < end) {
			const block = owned[i];
			const inside = block !== undefined && block.hpa <= at;
			const stop = Math.min(end, block === undefined ? end : inside ? endOf(block) : block.hpa);
			const iova = mapping.iova + at - mapping.hpa;
			const owner = inside ? block.owner : NO_MEMORY;
			ranges.push(range(iova, at, (stop - at) / PAGE_SIZE, mapping.read, mapping.write, owner));
			at = stop;
			if (inside) i++;
		}
	}
	return ranges;
}

/** There can be millions, so they are literals of one shape, which take the least memory. */
const range = (
	iova: number,
	hpa: number,
	pages: number,
	read: boolean,
	write: boolean,
	owner: string,
): Range => ({iova, hpa, pages, read, write, owner});

/** Memory that a 1:1 domain does not map, so host devices cannot reach it. */
export function holesOf(ranges: readonly Range[], owned: readonly Owned[]): Range[] {
	const holes: Range[] = [];
	let i = 0;
	for (const block of owned) {
		const hole = (from: number, to: number) => {
			if (to > from) holes.push(range(from, from, (to - from) / PAGE_SIZE, false, false, block.owner));
		};
		let at = block.hpa;
		while (i < ranges.length && ranges[i].iova < endOf(block)) {
			hole(at, ranges[i].iova);
			at = Math.max(at, ranges[i].iova + ranges[i].pages * PAGE_SIZE);
			if (at > endOf(block)) break;
			i++;
		}
		hole(at, endOf(block));
	}
	return holes;
}

export type DomainView = {domain: Domain; ranges: Range[]; mappedPages: number; removedPages: number};

/** A domain's ranges by address, with the holes if it is the host's. */
export function viewDomain(memory: PhysicalReader, owned: readonly Owned[], domain: Domain): DomainView {
	const mappings = isIdentity(domain) ? identityOf(owned) : (domain.mappings ?? mappingsOf(memory, domain));
	const mapped = rangesOf(mappings, owned);
	const holes = domain.role === 'host' ? holesOf(mapped, owned) : [];
	const count = (ranges: Range[]) => ranges.reduce((sum, {pages}) => sum + pages, 0);
	return {
		domain,
		ranges: merged(mapped, holes),
		mappedPages: count(mapped),
		removedPages: count(holes),
	};
}

/** Two lists, each by address, as one. */
function merged(mapped: Range[], holes: Range[]): Range[] {
	let [i, j] = [0, 0];
	return Array.from({length: mapped.length + holes.length}, () => {
		const isHole = i === mapped.length || (j < holes.length && holes[j].iova <= mapped[i].iova);
		return isHole ? holes[j++] : mapped[i++];
	});
}

/** The block of memory with an address. */
export function blockAt(owned: readonly Owned[], hpa: number): Owned | undefined {
	const block = owned[firstPast(owned, hpa)];
	return block !== undefined && block.hpa <= hpa ? block : undefined;
}

export const ownerAt = (owned: readonly Owned[], hpa: number): string =>
	blockAt(owned, hpa)?.owner ?? NO_MEMORY;

const endOf = (block: Owned): number => block.hpa + block.pages * PAGE_SIZE;

/** The first block that ends beyond an address. */
function firstPast(owned: readonly Owned[], address: number): number {
	let low = 0;
	let high = owned.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (endOf(owned[middle]) > address) high = middle;
		else low = middle + 1;
	}
	return low;
}
