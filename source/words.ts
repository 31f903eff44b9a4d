// Numbers and values in sentences. Intl could format numbers too, but its first use is a thousand times slower.

import {printable} from './printable.js';

/** 16,384 */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** 0 of 4,096; ? of 4,096 where the part is not known */
export const partOf = (part: number | undefined, whole: number): string =>
	`${part === undefined ? '?' : grouped(part)} of ${grouped(whole)}`;

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

/** A value for a sentence: on one line, and shortened if it is long. */
export function show(value: unknown): string {
	const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'missing');
	const plain = printable(text);
	return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain;
}

/** A word in a sentence, without quotes if it is unambiguous. */
export const plain = (word: string): string => (/^[!-~]{1,40}$/.test(word) ? word : show(word));

/** remove, keep or bounce */
export const either = (words: readonly string[]): string =>
	words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
