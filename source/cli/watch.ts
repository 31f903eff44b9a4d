// Repeats work whenever a file changes, until Ctrl-C.

import fs from 'node:fs';
import type {PrintLine} from '../text/print.js';
import {messageOf, UserError} from '../user-error.js';

/** Milliseconds between checks of the files, and the time an editor gets to finish writing. */
const EVERY = 200;
const SETTLE = 50;

/**
 * Does the work, and again after each change; reports an error and waits for the next change. Files are watched by
 * name, because editors replace them.
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
