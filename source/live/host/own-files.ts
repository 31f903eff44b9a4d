// A machine's tree where it is: this machine's own, or a copy of another's in a folder.

import fs from 'node:fs';
import path from 'node:path';
import {errnoOf} from '../../user-error.js';
import type {Kind, Source} from './tree.js';

const {O_RDONLY, O_NONBLOCK, O_NOFOLLOW} = fs.constants;

export class Disk implements Source {
	readonly refused = new Set<string>();
	private readonly kinds = new Map<string, Kind | undefined>();

	constructor(private readonly root: string) {}

	/** Each path is looked at once, since most of them begin alike. */
	kind(at: string): Kind | undefined {
		if (!this.kinds.has(at)) this.kinds.set(at, this.look(at));
		return this.kinds.get(at);
	}

	private look(at: string): Kind | undefined {
		const stats = this.attempt(at, file => fs.lstatSync(file, {throwIfNoEntry: false}));
		if (stats?.isSymbolicLink()) return 'link';
		if (stats?.isDirectory()) return 'directory';
		// Nothing else is opened: a pipe would wait for a writer, and a device may do something.
		return stats?.isFile() ? 'file' : undefined;
	}

	read(at: string, limit: number): string | undefined {
		return this.attempt(at, file => {
			const descriptor = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
			try {
				return readUpTo(descriptor, limit);
			} finally {
				fs.closeSync(descriptor);
			}
		});
	}

	list(at: string): string[] | undefined {
		return this.attempt(at, file => fs.readdirSync(file));
	}

	link(at: string): string | undefined {
		return this.attempt(at, file => fs.readlinkSync(file));
	}

	/** Files of /sys and /proc come and go, and may refuse in ways of their own: that is no reason to stop. */
	private attempt<T>(at: string, look: (file: string) => T): T | undefined {
		try {
			return look(path.join(this.root, at));
		} catch (error) {
			const errno = errnoOf(error);
			if (errno === 'EACCES' || errno === 'EPERM') this.refused.add(at);
			return undefined;
		}
	}
}

/** /proc says of each file that it is empty, so it is read until no more comes. */
function readUpTo(descriptor: number, limit: number): string {
	const bytes = Buffer.alloc(limit);
	let length = 0;
	while (length < limit) {
		const read = fs.readSync(descriptor, bytes, length, limit - length, null);
		if (read === 0) break;
		length += read;
	}
	return bytes.toString('latin1', 0, length);
}
