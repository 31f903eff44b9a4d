// Filters for a table of ranges, and the orders to sort it by. A filter is parsed once and then tests millions of rows,
// so testing allocates nothing.

import {PAGE_SIZE} from '../formats/address.js';
import type {Range} from './ranges.js';

export type Row = Pick<Range, 'iova' | 'hpa' | 'pages' | 'read' | 'write' | 'owner'>;
export type Predicate = (row: Row) => boolean;

/** A row must match every word. `wrong`: an error about the first word that is not a filter. */
export function parseFilter(text: string): {keeps: Predicate} | {wrong: string} {
	const tests: Predicate[] = [];
	for (const word of text.split(/\s+/).filter(Boolean)) {
		const negated = word.startsWith('!');
		const test = parseWord(negated ? word.slice(1) : word);
		if (typeof test === 'string') return {wrong: test};
		tests.push(negated ? row => !test(row) : test);
	}
	const [first, ...rest] = tests;
	if (first === undefined) return {keeps: () => true};
	if (rest.length === 0) return {keeps: first};
	return {
		keeps: row => {
			for (let i = 0; i < tests.length; i++) if (!tests[i](row)) return false;
			return true;
		},
	};
}

/** A word's test, or an error about the word. */
function parseWord(word: string): Predicate | string {
	if (word === '') return '! needs a word after it, as in !vm0.';
	if (/^[r-][w-]$/.test(word)) {
		const [reads, writes] = [word[0] === 'r', word[1] === 'w'];
		return ({read, write}) => read === reads && write === writes;
	}
	if (/^0x/i.test(word)) return parseAddresses(word);
	if (/^[<>=]/.test(word)) return parsePages(word);
	if (/^[\d,]+$/.test(word))
		return `${word} is ambiguous; write 0x${word.replaceAll(',', '')} for an address, or =${word} for pages.`;
	return ownedBy(word.toLowerCase());
}

/** Owners repeat from row to row, so each is compared once. */
function ownedBy(part: string): Predicate {
	const known = new Map<string, boolean>();
	return ({owner}) => {
		let holds = known.get(owner);
		if (holds === undefined) {
			holds = owner.toLowerCase().includes(part);
			known.set(owner, holds);
		}
		return holds;
	};
}

/** 0x1000, or 0x1000-0x2fff with the last address included, as tables show it. Matches IOVAs and host addresses. */
function parseAddresses(word: string): Predicate | string {
	const parts = word.split(/[-–]/);
	const [from, to = from] = parts.map(part => (/^0x[0-9a-f]{1,13}$/i.test(part) ? Number(part) : Number.NaN));
	if (parts.length > 2 || Number.isNaN(from) || Number.isNaN(to))
		return `Not an address or range: ${word}; write 0x1234000 or 0x1000-0x2fff.`;
	if (to < from) return `${word} ends before it starts; write the lower address first.`;
	return ({iova, hpa, pages}) => {
		const bytes = pages * PAGE_SIZE;
		return (iova <= to && iova + bytes > from) || (hpa <= to && hpa + bytes > from);
	};
}

const UNITS: Record<string, number> = {
	'': 1,
	k: 1024 / PAGE_SIZE,
	m: 1024 ** 2 / PAGE_SIZE,
	g: 1024 ** 3 / PAGE_SIZE,
};

function parsePages(word: string): Predicate | string {
	const [, sign, digits, unit] = /^([<>]=?|=)([\d,]+)([kmg]?)$/i.exec(word) ?? [];
	if (digits === undefined) return `${word} needs a number; write >100 for pages, or >4M for a size.`;
	const count = Number(digits.replaceAll(',', '')) * UNITS[unit.toLowerCase()];
	switch (sign) {
		case '>':
			return ({pages}) => pages > count;
		case '>=':
			return ({pages}) => pages >= count;
		case '<':
			return ({pages}) => pages < count;
		case '<=':
			return ({pages}) => pages <= count;
		default:
			return ({pages}) => pages === count;
	}
}

const byAddress = (a: Row, b: Row): number => a.iova - b.iova;

/** The orders of a table, as a key cycles through them. */
export const SORTS = [
	{name: 'address', compare: byAddress},
	{name: 'pages', compare: (a: Row, b: Row): number => b.pages - a.pages || byAddress(a, b)},
	{
		name: 'owner',
		compare: (a: Row, b: Row): number => (a.owner < b.owner ? -1 : a.owner > b.owner ? 1 : byAddress(a, b)),
	},
] as const;
