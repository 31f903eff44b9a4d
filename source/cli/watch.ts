// Work that is done again whenever a file changes, until somebody has seen enough.

import fs from 'node:fs';
import type {PrintLine} from '../text/print.js';
import {messageOf, UserError} from '../user-error.js';

/** Milliseconds between looks at the files, and for which an editor may still be writing. */
const EVERY = 200;
const SETTLE = 50;

/**
 * Does the work, and again after each change; what is wrong with it is said, and waited for to be mended.
 * Files are looked at by name: editors put a new file in the place of the old one.
 */
export function watch(paths: readonly string[], work: () => void, say: PrintLine): Promise<void> {
	const files = [...new Set(paths)];
	return new Promise((resolve, reject) => {
		let settling: NodeJS.Timeout | undefined;
		const changed = () => {
			clearTimeout(settling);
			settling = setTimeout(once, SETTLE);
		};
		const end = () => {
			clearTimeout(settling);
			for (const file of files) fs.unwatchFile(file, changed);
			process.off('SIGINT', end).off('SIGTERM', end);
			resolve();
		};
		const once = () => {
			try {
				work();
			} catch (error) {
				if (!(error instanceof UserError)) {
					reject(error);
					return end();
				}
				say(`dmascope: ${messageOf(error)}`);
			}
			say(`dmascope: waiting for ${files.join(', ')} to change; Ctrl-C ends it.`);
		};
		process.once('SIGINT', end).once('SIGTERM', end);
		for (const file of files) fs.watchFile(file, {interval: EVERY}, changed);
		once();
	});
}
