// AMD-Vi's commands, 16 bytes each, as they stand in the command buffer (48882, 2.4).

import {HIGH, join64} from './address.js';

export const COMMAND = {
	COMPLETION_WAIT: 1,
	INVALIDATE_DEVTAB_ENTRY: 2,
	INVALIDATE_PAGES: 3,
	INVALIDATE_INTERRUPT_TABLE: 5,
	INVALIDATE_ALL: 8,
} as const;

/** COMPLETION_WAIT: store, raise the interrupt bit. */
export const WAIT_STORE = 1;
export const WAIT_INTERRUPT = 2;
/** INVALIDATE_PAGES, third word: the address encodes a size; table entries on the way too. */
export const PAGES_S = 1;
export const PAGES_PDE = 2;
/** The address that stands for all of a domain, with S. */
export const ALL_PAGES = {lo: 0xffff_f000, hi: 0x7fff_ffff} as const;

export type Command = ReturnType<typeof decodeCommand>;
export const decodeCommand = (w0: number, w1: number, w2: number, w3: number) => ({
	opcode: w1 >>> 28,
	rid: w0 & 0xffff,
	domain: w1 & 0xffff,
	store: (w0 & WAIT_STORE) !== 0,
	interrupt: (w0 & WAIT_INTERRUPT) !== 0,
	storeAddress: join64((w0 & ~7) >>> 0, w1 & 0xfffff),
	/** The second quadword: what COMPLETION_WAIT stores, or the pages and their flags. */
	lo: w2 >>> 0,
	hi: w3 >>> 0,
});

/**
 * The pages that INVALIDATE_PAGES names: with S, twice as many as the first zero bit of the address, from 12 up,
 * stands for. Undefined is all of the domain.
 */
export function commandPages({lo, hi}: Command): {first: number; count: number} | undefined {
	const pageLow = ((lo >>> 12) | (hi << 20)) >>> 0;
	const page = join64(pageLow, hi >>> 12);
	if ((lo & PAGES_S) === 0) return {first: page, count: 1};
	let count = 2;
	for (let bits = pageLow; bits % 2 === 1; bits >>>= 1) count *= 2;
	return count < HIGH ? {first: Math.floor(page / count) * count, count} : undefined;
}
