// The size given to --host-memory.

import {GIB} from '../formats/address.js';
import {UserError} from '../user-error.js';

const MIB = 1024 ** 2;
const LEAST = 64 * MIB;
const MOST = 256 * GIB;
const UNITS: Record<string, number> = {K: 1024, M: MIB, G: GIB};

/** Bytes from 256M, 64G, …; each guest gets a quarter of it. @throws UserError */
export function parseHostMemory(text: string): number {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([KMG])i?B?$/i.exec(text.trim()) ?? [];
	const bytes = digits === undefined ? Number.NaN : Number(digits) * UNITS[unit.toUpperCase()];
	const range = 'give whole megabytes from 64M to 256G, such as 256M or 64G';
	if (Number.isNaN(bytes)) throw new UserError(`--host-memory ${text} is not a size; ${range}.`);
	if (bytes < LEAST)
		throw new UserError(`--host-memory ${text} is too small for a host with two guests; ${range}.`);
	if (bytes > MOST) throw new UserError(`--host-memory ${text} is more than the lab can build; ${range}.`);
	if (bytes % MIB !== 0)
		throw new UserError(`--host-memory ${text} is not a whole number of megabytes; ${range}.`);
	return bytes;
}
