// Folders of a user's own for files that dmascope makes by itself. As root it would write wherever links lead to, so
// a folder that others could have made, or could change, is refused.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {errnoOf, messageOf, UserError} from '../user-error.js';

/** `cache` may be emptied at any time; `state` is kept. By the XDG base directory specification. */
export type FolderKind = 'cache' | 'state';
const USUAL = {cache: ['.cache'], state: ['.local', 'state']};
const VARIABLES = {cache: 'XDG_CACHE_HOME', state: 'XDG_STATE_HOME'};

/** Makes a file in the user's folder, or else in one of their own among temporary files. @throws UserError */
export function inOwnFolder<T>(kind: FolderKind, make: (folder: string) => T): T {
	const problems: string[] = [];
	for (const folder of foldersOf(kind)) {
		try {
			const parent = path.dirname(folder);
			// ~/.local may be missing. No folder above is made: under /proc, mkdir -p never ends in Node.
			if (kind === 'state') makeFolder(path.dirname(parent));
			for (const each of [parent, folder]) makeFolder(each);
			checkFolder(folder);
			return make(folder);
		} catch (error) {
			problems.push(messageOf(error).replace(/;[^;]*$/, ''));
		}
	}
	throw new UserError(problems.join('; '));
}

/** A relative path would depend on where dmascope is started. */
function foldersOf(kind: FolderKind): string[] {
	const named = process.env[VARIABLES[kind]] ?? '';
	const mac = process.platform === 'darwin' && kind === 'cache' ? ['Library', 'Caches'] : USUAL[kind];
	const folder = path.isAbsolute(named) ? named : path.join(home(), ...mac);
	const temporary = path.join(os.tmpdir(), `dmascope-${process.geteuid?.() ?? 0}`);
	return [path.join(folder, 'dmascope'), temporary].filter(path.isAbsolute);
}

/** Nothing of a user whom the system does not know. */
function home(): string {
	try {
		return os.homedir();
	} catch {
		return '';
	}
}

function makeFolder(folder: string): void {
	try {
		fs.mkdirSync(folder, {mode: 0o700});
	} catch (error) {
		if (errnoOf(error) !== 'EEXIST') throw error;
	}
}

/** The folder for temporary files is everybody's: what is at our place in it may be somebody else's. */
function checkFolder(folder: string): void {
	const stat = fs.lstatSync(folder);
	if (!stat.isDirectory()) throw new UserError(`${folder} is not a directory; remove it.`);
	if (stat.uid !== process.geteuid?.()) throw new UserError(`${folder} belongs to another user; remove it.`);
	if ((stat.mode & 0o077) !== 0) throw new UserError(`${folder} is open to other users; chmod 700 it.`);
}
