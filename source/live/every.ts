// --every: how often a machine is looked at.

import {UserError} from '../user-error.js';

const LEAST_MS = 50;
const MOST_MS = 3_600_000;

/** A time such as 500ms or 2s. */
export function milliseconds(text: string): number {
	const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
	const time = Number(digits) * (unit === 's' ? 1000 : 1);
	if (!(time >= LEAST_MS && time <= MOST_MS))
		throw new UserError(`--every ${text} is no time from 50ms to 3600s; write 500ms, or 2s.`);
	return time;
}
