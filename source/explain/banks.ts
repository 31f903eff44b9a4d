// Where the memory is among physical addresses: real machines have holes, most of them far larger than the memory.

import {PAGE_SIZE} from '../formats/address.js';
import type {Owned} from '../machine/observed.js';

/** Memory without a hole. In pages: where it begins, how long it is, and how much memory is below it. */
export type Bank = {first: number; pages: number; before: number};
export type Banks = {pages: number; banks: readonly Bank[]};

/** By address, as `owned` is. */
export function banksOf(owned: readonly Owned[]): Banks {
	const banks: Bank[] = [];
	let before = 0;
	for (const {hpa, pages} of owned) {
		const first = hpa / PAGE_SIZE;
		const last = banks.at(-1);
		if (last !== undefined && last.first + last.pages === first) last.pages += pages;
		else banks.push({first, pages, before});
		before += pages;
	}
	return {pages: before, banks};
}

/** The last bank that begins at or below a number; -1 if there is none. */
function bankAt(banks: readonly Bank[], value: number, of: 'first' | 'before'): number {
	let [low, high] = [0, banks.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (banks[middle][of] <= value) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}

/** How many pages of memory are below an address; in a hole, below the last page before it. */
export function ordinalOf({banks}: Banks, hpa: number): number {
	const page = Math.floor(hpa / PAGE_SIZE);
	const bank = banks[bankAt(banks, page, 'first')];
	return bank === undefined ? 0 : bank.before + Math.min(page - bank.first, bank.pages - 1);
}

/** The address of the page with so many pages of memory below it. */
export function addressOf({banks}: Banks, ordinal: number): number {
	const bank = banks[bankAt(banks, ordinal, 'before')];
	return bank === undefined ? 0 : (bank.first + ordinal - bank.before) * PAGE_SIZE;
}

/** Calls back with each piece of memory among `length` pages from an address on: from and to, as ordinals. */
export function eachPiece(
	{banks}: Banks,
	hpa: number,
	length: number,
	piece: (from: number, to: number) => void,
): void {
	const start = hpa / PAGE_SIZE;
	const end = start + length;
	for (let i = Math.max(0, bankAt(banks, start, 'first')); i < banks.length; i++) {
		const {first, pages, before} = banks[i];
		if (first >= end) return;
		const from = Math.max(start, first);
		const to = Math.min(end, first + pages);
		if (from < to) piece(before + from - first, before + to - first);
	}
}
