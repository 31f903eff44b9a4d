// Addresses pass 4 GiB, so they are plain numbers, exact to 2^53. A 64-bit word of a table is handled as its
// two 32-bit halves, lo and hi: BigInt is too slow for a page walk.

export const PAGE_SIZE = 4096;
/** A disk's unit in every request format here. */
export const SECTOR = 512;
export const GIB = 1024 ** 3;
/** The weight of a high half. */
export const HIGH = 2 ** 32;

/** Bits 51:12 of a 64-bit word: the page address that VT-d and AMD-Vi entries carry. */
export const pageAddress = (lo: number, hi: number): number =>
	(hi & 0xfffff) * HIGH + ((lo & 0xfffff000) >>> 0);

export const low32 = (value: number): number => value >>> 0;
export const high32 = (value: number): number => Math.floor(value / HIGH) >>> 0;
export const join64 = (lo: number, hi: number): number => hi * HIGH + lo;

export const hex = (value: number, digits = 8): string => `0x${value.toString(16).padStart(digits, '0')}`;
export const pageOf = (address: number): number => address - (address & (PAGE_SIZE - 1));
