// Numbers and values in sentences. Intl could format numbers too, but its first use is a thousand times slower.

/** 16,384 */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** 1 page, 16,384 pages */
export const plural = (n: number, noun: string): string => `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 16 MiB, 1.5 GiB: in the largest unit in which the number is at least 1. */
export function sizeText(bytes: number): string {
	let value = bytes;
	let unit = 0;
	while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A text's first sentence, on one line. */
export const firstSentence = (text: string): string =>
	(/^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text).replace(/\s+/g, ' ');

const LONGEST = 60;
/** Characters that JSON does not escape, but that a terminal might act on or not show. */
const UNSHOWN = /[\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A value for a sentence: on one line, and shortened if it is long. */
export function show(value: unknown): string {
	const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'missing');
	const plain = text.replace(UNSHOWN, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
	return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain;
}
