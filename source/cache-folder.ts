// The folder for files that are made once and cached. Only this user has access to it. The folder for temporary files
// is shared, and another user could have made ours there first.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {errnoOf, UserError} from './user-error.js';

/** The usual one, and one to use where that cannot be. A relative path would depend on where dmascope is started. */
export function cacheFolders(): string[] {
	const {XDG_CACHE_HOME = ''} = process.env;
	const usual = process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache'];
	const cache = path.isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : path.join(home(), ...usual);
	const temporary = path.join(os.tmpdir(), `dmascope-${process.geteuid?.()}`);
	return [path.join(cache, 'dmascope'), temporary].filter(path.isAbsolute);
}

/** The folders for files that must outlast a cache. */
export function stateFolders(): string[] {
	const {XDG_STATE_HOME = ''} = process.env;
	const state = path.isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : path.join(home(), '.local', 'state');
	return [path.join(state, 'dmascope'), ...cacheFolders()].filter(path.isAbsolute);
}

/** Makes a folder if it does not exist. @throws UserError if others can write to it; the system's error */
export function makeOwn(folder: string): void {
	// Create no folder above these two: under /proc, Node's mkdir -p never returns.
	for (const each of [path.dirname(folder), folder]) make(each);
	const stat = fs.lstatSync(folder);
	if (!stat.isDirectory()) throw new UserError(`${folder} is not a directory; remove it.`);
	if (!isOwn(stat)) throw new UserError(`${folder} belongs to another user; remove it.`);
	if ((stat.mode & 0o077) !== 0) throw new UserError(`${folder} is open to other users; chmod 700 it.`);
}

export const isOwn = ({uid}: fs.Stats): boolean => uid === process.geteuid?.();

/** The first folder that only this user has access to. */
export function cacheFolder(): string | undefined {
	return cacheFolders().find(folder => {
		try {
			makeOwn(folder);
			return true;
		} catch {
			return false;
		}
	});
}

/** Nothing of a user whom the system does not know. */
function home(): string {
	try {
		return os.homedir();
	} catch {
		return '';
	}
}

/** Create nothing in another user's folder: under sudo, HOME may be the caller's. */
function make(folder: string): void {
	const above = path.dirname(folder);
	const stat = fs.statSync(above, {throwIfNoEntry: false});
	if (stat === undefined) throw new UserError(`${above} does not exist; set HOME.`);
	if (!isOwn(stat) && stat.uid !== 0) throw new UserError(`${above} belongs to another user; set HOME.`);
	try {
		fs.mkdirSync(folder, {mode: 0o700});
	} catch (error) {
		if (errnoOf(error) !== 'EEXIST') throw error;
	}
}
