// Work that is done in pieces, since a large host has thousands of files: a screen is drawn and keys are pressed in
// between.

import {setImmediate as others} from 'node:timers/promises';

export type Pieces<T> = Generator<undefined, T, undefined>;

/** At once. */
export function whole<T>(work: Pieces<T>): T {
	for (;;) {
		const {done, value} = work.next();
		if (done) return value;
	}
}

/** A piece at a time. */
export async function byAndBy<T>(work: Pieces<T>): Promise<T> {
	for (;;) {
		const {done, value} = work.next();
		if (done) return value;
		await others();
	}
}
