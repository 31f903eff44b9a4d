// Sizes of memory as people write them.

import {GIB} from '../../formats/address.js';
import {UserError} from '../../user-error.js';
import {show} from '../../words.js';

const MIB = 1024 ** 2;
const LEAST = 64 * MIB;
const MOST = 256 * GIB;
const LEAST_HISTORY = 16 * MIB;
const UNITS: Record<string, number> = {K: 1024, M: MIB, G: GIB};

/** How a size is written. */
export const SIZE = /^(\d+(?:\.\d+)?)\s*([KMGkmg])[Ii]?[Bb]?$/;

/** Bytes from 256M, 1.5G, …; NaN where that is no size. */
function bytesOf(text: string): number {
	const [, digits, unit] = SIZE.exec(text.trim()) ?? [];
	return digits === undefined ? Number.NaN : Number(digits) * UNITS[unit.toUpperCase()];
}

const plainly = (text: string): string => (/^[!-~]{1,20}$/.test(text) ? text : show(text));

/** @throws UserError */
export function parseSize(text: string, what: string): number {
	const bytes = bytesOf(text);
	if (Number.isNaN(bytes))
		throw new UserError(`${what} ${plainly(text)} is not a size; write it as 64M or 1.5G.`);
	return bytes;
}

/** What the way back may take: at least what a few moments of a machine take. @throws UserError */
export function parseHistory(text: string): number {
	const bytes = parseSize(text, '--history');
	if (bytes >= LEAST_HISTORY) return bytes;
	throw new UserError(`--history ${plainly(text)} is too small; give ${sizeWord(LEAST_HISTORY)} or more.`);
}

/** Whole bytes as a size that parseSize reads as the same: 64M, 16380K. */
export function sizeWord(bytes: number): string {
	const unit = ['G', 'M'].find(letter => bytes % UNITS[letter] === 0) ?? 'K';
	return `${bytes / UNITS[unit]}${unit}`;
}

/** The memory of a host: whole megabytes in the range the lab can build. @throws UserError */
export function parseHostMemory(text: string, what = '--host-memory'): number {
	const bytes = bytesOf(text);
	const range = 'give whole megabytes from 64M to 256G, such as 256M or 64G';
	if (Number.isNaN(bytes)) throw new UserError(`${what} ${plainly(text)} is not a size; ${range}.`);
	if (bytes < LEAST)
		throw new UserError(`${what} ${plainly(text)} is too small for a host with guests; ${range}.`);
	if (bytes > MOST) throw new UserError(`${what} ${plainly(text)} is more than the lab can build; ${range}.`);
	if (bytes % MIB !== 0)
		throw new UserError(`${what} ${plainly(text)} is not a whole number of megabytes; ${range}.`);
	return bytes;
}
