// A disk whose medium fails, as reads and writes of this process see it.

import fs from 'node:fs';
import type {TestContext} from 'node:test';

export const fault = () => Object.assign(new Error('EIO: i/o error, read'), {code: 'EIO'});
export const realRead = fs.readSync;

/** From now on no plain read at a place of a disk comes through; writes do. @returns what ends that */
export function failReads(t: TestContext): () => void {
	const mock = t.mock.method(fs, 'readSync', (...args: Parameters<typeof fs.readSync>) => {
		if (typeof args.at(-1) === 'number') throw fault();
		return realRead(...args);
	});
	return () => mock.mock.restore();
}
