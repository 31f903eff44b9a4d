// A 64-bit number from a text. Devices ask for addresses past 2^53, such as 0xff00ffffffefe000, and a number that is
// not shown as it was logged is a wrong one: so the halves are kept apart.

import {HIGH} from './address.js';

export type Halves = {readonly lo: number; readonly hi: number};

/** From hex digits, at most 16 that count. */
export function parseHalves(digits: string): Halves | undefined {
	if (digits.length > 16) return parseLong(digits);
	const cut = Math.max(0, digits.length - 8);
	return {
		lo: Number.parseInt(digits.slice(cut), 16),
		hi: cut === 0 ? 0 : Number.parseInt(digits.slice(0, cut), 16),
	};
}

function parseLong(digits: string): Halves | undefined {
	const bare = digits.replace(/^0+(?=.)/, '');
	return bare.length > 16 ? undefined : parseHalves(bare);
}

export const halves = (value: number): Halves => ({lo: value % HIGH, hi: Math.floor(value / HIGH)});

/** As kernels print it: 0xffff000. */
export const hexHalves = ({lo, hi}: Halves): string =>
	hi === 0 ? `0x${lo.toString(16)}` : `0x${hi.toString(16)}${lo.toString(16).padStart(8, '0')}`;

/** Below zero where the first is the smaller, as a sort wants it. */
export const compareHalves = (a: Halves, b: Halves): number => a.hi - b.hi || a.lo - b.lo;

/** How many bits it takes. */
export const bitsOf = ({lo, hi}: Halves): number => (hi === 0 ? 32 - Math.clz32(lo) : 64 - Math.clz32(hi));
