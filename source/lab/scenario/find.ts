// Where scenarios are: those that ship, and files of one's own.

import fs from 'node:fs';
import {fileURLToPath} from 'node:url';
import {didYouMean} from '../../did-you-mean.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';

const SHIPPED = fileURLToPath(new URL('scenarios/', import.meta.url));
/** Bytes of a file, more than any scenario needs. */
const LONGEST = 2 ** 24;

/** The name that stands for all that ship. */
export const ALL = 'all';

export const shippedScenarios = (): string[] =>
	fs
		.readdirSync(SHIPPED)
		.filter(file => file.endsWith('.yaml'))
		.map(file => file.replace(/\.yaml$/, ''))
		.sort();

/** Where a scenario is: a file, or the name of one that ships. */
export const pathOf = (nameOrPath: string): string =>
	shippedScenarios().includes(nameOrPath) ? `${SHIPPED}${nameOrPath}.yaml` : nameOrPath;

/** The text of a scenario: a file, or the name of one that ships. @throws UserError */
export function findScenario(nameOrPath: string): {path: string; text: string} {
	const path = pathOf(nameOrPath);
	try {
		return {path, text: readText(path)};
	} catch (error) {
		if (error instanceof UserError) throw error;
		const shipped = shippedScenarios();
		const known = `name a file or one of those that ship: ${shipped.join(', ')}`;
		const errno = errnoOf(error);
		if (errno === 'EISDIR') throw new UserError(`${nameOrPath} is a directory; ${known}.`);
		if (errno !== 'ENOENT')
			throw new UserError(`Scenario ${nameOrPath} cannot be read: ${messageOf(error)}; ${known}.`);
		const near = didYouMean(nameOrPath, [...shipped, ALL]);
		throw new UserError(`There is no scenario ${nameOrPath}; ${known}.${near}`);
	}
}

/** Reads no further than a scenario can reach: what is named may be a device, or a pipe. */
function readText(path: string): string {
	const fd = fs.openSync(path, 'r');
	try {
		const bytes = Buffer.alloc(LONGEST + 1);
		let length = 0;
		for (let read = 1; read > 0 && length < bytes.length; length += read)
			read = fs.readSync(fd, bytes, length, bytes.length - length, null);
		if (length > LONGEST)
			throw new UserError(`${path} is longer than ${LONGEST} bytes; a scenario is shorter.`);
		return bytes.toString('utf8', 0, length).replace(/^\ufeff/, '');
	} finally {
		fs.closeSync(fd);
	}
}
