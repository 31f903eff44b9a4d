// Addresses exceed 4 GiB, so they are plain numbers, exact to 2^53. Table words are 64 bits wide and are handled as
// two 32-bit halves, lo and hi: BigInt is too slow for a page walk.

export const PAGE_SIZE = 4096;
/** The disk's unit in every request format here. */
export const SECTOR = 512;
export const GIB = 1024 ** 3;
/** The weight of a high half. */
export const HIGH = 2 ** 32;

/** Bits 51:12 of a 64-bit word: the page address in VT-d and AMD-Vi entries. */
export const pageAddress = (lo: number, hi: number): number =>
	(hi & 0xfffff) * HIGH + ((lo & 0xfffff000) >>> 0);

export const low32 = (value: number): number => value >>> 0;
export const high32 = (value: number): number => Math.floor(value / HIGH) >>> 0;
export const join64 = (lo: number, hi: number): number => hi * HIGH + lo;

export const hex = (value: number, digits = 8): string => `0x${value.toString(16).padStart(digits, '0')}`;
export const pageOf = (address: number): number => address - (address & (PAGE_SIZE - 1));

/**
 * A 64-bit number of any size. Devices use addresses above 2^53, such as 0xff00ffffffefe000, which must be shown
 * exactly as they were logged.
 */
export type Halves = {readonly lo: number; readonly hi: number};

/** Whether a plain number holds it exactly, whatever its low bits are. */
export const isExact = ({hi}: Halves): boolean => hi < 2 ** 21;
export const wordsOf = (value: number): Halves => ({lo: low32(value), hi: high32(value)});
/** An address in halves; a negative number, which is a refusal, stays what it is. */
export const halvesOf = (value: number): Halves | number => (value < 0 ? value : wordsOf(value));

/** Parses hex digits; undefined if the number has more than 64 bits. */
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

/** Without leading zeros, as kernels print it: 0xffff000. */
export const hexHalves = ({lo, hi}: Halves): string =>
	hi === 0 ? `0x${lo.toString(16)}` : `0x${hi.toString(16)}${lo.toString(16).padStart(8, '0')}`;

/** For sort: negative if `a` is smaller than `b`. */
export const compareHalves = (a: Halves, b: Halves): number => a.hi - b.hi || a.lo - b.lo;

export const isBitSet = ({lo, hi}: Halves, bit: number): boolean =>
	((bit < 32 ? lo >>> bit : hi >>> (bit - 32)) & 1) === 1;
export type NamedBit = readonly [bit: number, name: string];
export const namesOfBits = (word: Halves, bits: readonly NamedBit[]): string[] =>
	bits.flatMap(([bit, name]) => (isBitSet(word, bit) ? [name] : []));

/** The number of bits in use. */
export const bitsOf = ({lo, hi}: Halves): number => (hi === 0 ? 32 - Math.clz32(lo) : 64 - Math.clz32(hi));
