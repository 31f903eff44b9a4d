// What a domain maps, decoded from the bits of its tables: neighbouring entries are joined into ranges.

import {PAGE_SIZE, pageAddress} from '../formats/address.js';
import {PTE_PS, PTE_READ, PTE_WRITE} from '../formats/vtd.js';
import type {Domain, Owned, PhysicalReader} from './observed.js';

export type Mapping = {iova: number; hpa: number; pages: number; read: boolean; write: boolean};
/** A mapping within one owner's pages; or, with neither read nor write, pages that the host cannot reach. */
export type Range = Mapping & {owner: string};

/** The mappings in a domain's second-level tables, in order of address. */
export function mappingsOf(memory: PhysicalReader, {root, levels}: Domain): Mapping[] {
	const found: Mapping[] = [];
	const visit = (table: number, level: number, base: number): void => {
		const words = memory.page(table);
		if (words === undefined) return;
		const pages = 512 ** (level - 1);
		let last = found[found.length - 1];
		for (let i = 0; i < 512; i++) {
			const lo = words[2 * i];
			const permissions = lo & (PTE_READ | PTE_WRITE);
			if (permissions === 0) continue;
			const hpa = pageAddress(lo, words[2 * i + 1]);
			const iova = base + i * pages * PAGE_SIZE;
			if (level > 1 && (lo & PTE_PS) === 0) {
				visit(hpa, level - 1, iova);
				last = found[found.length - 1];
				continue;
			}
			const read = (permissions & PTE_READ) !== 0;
			const write = (permissions & PTE_WRITE) !== 0;
			const done = last ? last.pages * PAGE_SIZE : 0;
			const continues = last && last.iova + done === iova && last.hpa + done === hpa;
			if (continues && last.read === read && last.write === write) last.pages += pages;
			else {
				last = {iova, hpa, pages, read, write};
				found.push(last);
			}
		}
	};
	visit(root, levels, 0);
	return found;
}

/** Mappings cut where the owner of the pages changes. */
export function rangesOf(mappings: readonly Mapping[], owned: readonly Owned[]): Range[] {
	return mappings.flatMap(mapping => {
		const ranges: Range[] = [];
		let at = mapping.hpa;
		const end = mapping.hpa + mapping.pages * PAGE_SIZE;
		let i = firstPast(owned, at);
		while (at < end) {
			const block = owned[i];
			const inside = block !== undefined && block.hpa <= at;
			const stop = Math.min(end, block === undefined ? end : inside ? endOf(block) : block.hpa);
			ranges.push({
				...mapping,
				iova: mapping.iova + at - mapping.hpa,
				hpa: at,
				pages: (stop - at) / PAGE_SIZE,
				owner: inside ? block.owner : 'no memory',
			});
			at = stop;
			if (inside) i++;
		}
		return ranges;
	});
}

/** Memory that a 1:1 domain does not map: what the host's devices cannot reach. */
export function holesOf(ranges: readonly Range[], owned: readonly Owned[]): Range[] {
	const holes: Range[] = [];
	let i = 0;
	for (const block of owned) {
		const hole = (from: number, to: number) => {
			if (to > from) {
				const pages = (to - from) / PAGE_SIZE;
				holes.push({iova: from, hpa: from, pages, read: false, write: false, owner: block.owner});
			}
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

/** A domain as it is shown: its ranges, and for the host's those that are missing among them, by address. */
export function viewDomain(memory: PhysicalReader, owned: readonly Owned[], domain: Domain): DomainView {
	const mapped = rangesOf(mappingsOf(memory, domain), owned);
	const holes = domain.role === 'host' ? holesOf(mapped, owned) : [];
	const count = (ranges: Range[]) => ranges.reduce((sum, {pages}) => sum + pages, 0);
	return {
		domain,
		ranges: [...mapped, ...holes].sort((a, b) => a.iova - b.iova),
		mappedPages: count(mapped),
		removedPages: count(holes),
	};
}

const endOf = (block: Owned): number => block.hpa + block.pages * PAGE_SIZE;

/** The first block that ends past an address. */
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
