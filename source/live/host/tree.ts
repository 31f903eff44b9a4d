// A Linux machine describes itself in files and links, most of them in /sys and /proc. They are read through a tree, whose
// source is this machine, a copy of another, or a test.

import fs from 'node:fs';
import path from 'node:path';
import {errnoOf, UserError} from '../../user-error.js';

/** The files of a machine, by paths whose folders are not links. Undefined: missing or unreadable. */
export type Source = {
	kind(path: string): Kind | undefined;
	/** At most `limit` bytes of a file. */
	read(path: string, limit: number): string | undefined;
	list(path: string): string[] | undefined;
	/** Undefined also for anything but a link. */
	link(path: string): string | undefined;
	/** Paths that exist and need root. */
	readonly refused: ReadonlySet<string>;
};
export type Kind = 'file' | 'directory' | 'link';

/** Receives everything that is found, as it is read. */
export type Witness = {
	file(path: string, content: string): void;
	directory(path: string): void;
	link(path: string, target: string): void;
	refused(path: string): void;
};

/** A sysfs file is at most a page; the reader of a longer file gives a limit. */
const FILE_BYTES = 4096;
/** Linux follows as many links before ELOOP. */
const LINKS = 40;
/** Linux's limit for a path and for a link's target (PATH_MAX). */
export const PATH_BYTES = 4096;
/** Names in a path: four times as many as any in sysfs. */
const NAMES = 128;
/** Limit for the paths of a tree in memory: their characters, and an overhead for each. */
const PATHS = 2 ** 26;
const EACH_PATH = 100;

export class Tree {
	/** Where a link leads, by its path. */
	private readonly followed = new Map<string, string | undefined>();

	constructor(
		private readonly source: Source,
		private readonly witness?: Witness,
	) {}

	/**
	 * A file's text without the space around it.
	 * @param keep the part that is needed: the rest is neither parsed nor captured
	 */
	read(path: string, keep: (text: string) => string = text => text, limit = FILE_BYTES): string | undefined {
		const at = this.resolve(path);
		if (at === undefined || this.source.kind(at) !== 'file') return undefined;
		const text = this.source.read(at, limit);
		if (text === undefined) return this.refuse(at);
		const needed = keep(text);
		this.witness?.file(at, needed);
		return needed.trim();
	}

	/** The names in a directory, sorted, numbers by value. */
	list(path: string): string[] {
		const at = this.resolve(path);
		if (at === undefined || this.source.kind(at) !== 'directory') return [];
		const names = this.source.list(at);
		if (names === undefined) {
			this.refuse(at);
			return [];
		}
		this.witness?.directory(at);
		return [...names].sort(byNumber);
	}

	/** A link's target as written; undefined if it is not `wanted`. */
	link(path: string, wanted: (target: string) => boolean = () => true): string | undefined {
		const at = this.resolve(path, false);
		if (at === undefined) return undefined;
		const target = this.source.link(at);
		if (target === undefined) return this.refuse(at);
		if (!wanted(target)) return undefined;
		this.witness?.link(at, target);
		return target;
	}

	/** The `wanted` targets of the links in a directory: a process may have thousands. */
	links(path: string, wanted: (target: string) => boolean): string[] {
		const names = this.list(path);
		const at = names.length > 0 ? this.resolve(path) : undefined;
		return names.flatMap(name => {
			const target = this.source.link(`${at}/${name}`);
			if (target === undefined || !wanted(target)) return [];
			this.witness?.link(`${at}/${name}`, target);
			return [target];
		});
	}

	/** The last name of a link's target: a driver, a group. */
	linkName(path: string): string | undefined {
		return this.link(path)?.split('/').findLast(Boolean);
	}

	exists(path: string): boolean {
		const at = this.resolve(path);
		const kind = at === undefined ? undefined : this.source.kind(at);
		if (at === undefined || kind === undefined) return false;
		if (kind === 'file') this.witness?.file(at, '');
		else this.witness?.directory(at);
		return true;
	}

	/** Whether anything at or below a path was refused. */
	refused(path: string): boolean {
		return [...this.source.refused].some(each => each === path || each.startsWith(`${path}/`));
	}

	private refuse(path: string): undefined {
		if (this.source.refused.has(path)) this.witness?.refused(path);
		return undefined;
	}

	/** Follows the links in a path; none leads out of the tree. `depth`: links followed so far. */
	private resolve(path: string, last = true, depth = 0): string | undefined {
		const names = path.split('/').filter(name => name !== '' && name !== '.');
		if (names.length > NAMES) return undefined;
		let at = '';
		for (const [i, name] of names.entries()) {
			if (name === '..') {
				at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
				continue;
			}
			const next = `${at}/${name}`;
			// Skip the check of a link that is itself read: the kernel reports whether it is one.
			if (i === names.length - 1 && !last) return next;
			const kind = this.source.kind(next);
			if (kind === undefined) return this.refuse(next);
			const leads = kind === 'link' ? this.follow(next, at, depth) : next;
			if (leads === undefined) return undefined;
			at = leads === '/' ? '' : leads;
		}
		return at === '' ? '/' : at;
	}

	/** Where a link in a folder leads. Each link is followed once, however many paths use it. */
	private follow(link: string, folder: string, depth: number): string | undefined {
		if (this.followed.has(link)) return this.followed.get(link);
		// Until it is known: a link that leads through itself leads nowhere.
		this.followed.set(link, undefined);
		const target = depth < LINKS ? this.source.link(link) : undefined;
		if (target === undefined) return this.refuse(link);
		this.witness?.link(link, target);
		const leads = this.resolve(target.startsWith('/') ? target : `${folder}/${target}`, true, depth + 1);
		this.followed.set(link, leads);
		return leads;
	}
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0);

/** A tree of a few files, such as a capture's: everything by its path, with the folders in between implied. */
export class Files implements Source {
	private readonly nodes = new Map<string, {kind: Kind; text: string}>([
		['/', {kind: 'directory', text: ''}],
	]);
	private readonly children = new Map<string, Set<string>>();
	private readonly hidden = new Set<string>();
	private left = PATHS;
	readonly refused = new Set<string>();

	/** @throws UserError if there are too many */
	add(path: string, kind: Kind, text = '', readable = true): void {
		const names = path.split('/').filter(name => name !== '' && name !== '.');
		// No path that we read climbs, or is as deep or long.
		if (names.length === 0 || names.length > NAMES || names.includes('..')) return;
		if (path.length > PATH_BYTES || (kind === 'link' && text.length > PATH_BYTES)) return;
		let parent = '';
		for (const [i, name] of names.entries()) {
			const at = `${parent}/${name}`;
			const before = this.nodes.get(at);
			if (before === undefined) this.grow(parent || '/', name, at);
			if (i < names.length - 1) {
				if (before === undefined) this.nodes.set(at, {kind: 'directory', text: ''});
			} else {
				if (kind !== 'directory' || before === undefined) this.nodes.set(at, {kind, text});
				if (!readable) this.hidden.add(at);
			}
			parent = at;
		}
	}

	private grow(parent: string, name: string, at: string): void {
		this.left -= at.length + EACH_PATH;
		if (this.left < 0)
			throw new UserError('The paths of the capture need too much memory; name a capture of one host.');
		const siblings = this.children.get(parent) ?? new Set();
		this.children.set(parent, siblings.add(name));
	}

	kind(path: string): Kind | undefined {
		return this.nodes.get(path)?.kind;
	}

	read(path: string, limit: number): string | undefined {
		return this.readable(path)?.slice(0, limit);
	}

	list(path: string): string[] | undefined {
		return this.readable(path) === undefined ? undefined : [...(this.children.get(path) ?? [])];
	}

	link(path: string): string | undefined {
		const text = this.readable(path);
		return this.kind(path) === 'link' ? text : undefined;
	}

	private readable(path: string): string | undefined {
		if (!this.hidden.has(path)) return this.nodes.get(path)?.text;
		this.refused.add(path);
		return undefined;
	}
}

const {O_RDONLY, O_NONBLOCK, O_NOFOLLOW} = fs.constants;

export class Disk implements Source {
	readonly refused = new Set<string>();
	private readonly kinds = new Map<string, Kind | undefined>();

	constructor(private readonly root: string) {}

	/** Each path is checked once, since many paths share their beginning. */
	kind(at: string): Kind | undefined {
		if (!this.kinds.has(at)) this.kinds.set(at, this.kindOf(at));
		return this.kinds.get(at);
	}

	private kindOf(at: string): Kind | undefined {
		const stats = this.attempt(at, file => fs.lstatSync(file, {throwIfNoEntry: false}));
		if (stats?.isSymbolicLink()) return 'link';
		if (stats?.isDirectory()) return 'directory';
		// Never open anything else: a pipe would block, and a device may react.
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

	/** Files in /sys and /proc come and go, and may fail in their own ways: go on without them. */
	private attempt<T>(at: string, work: (file: string) => T): T | undefined {
		try {
			return work(path.join(this.root, at));
		} catch (error) {
			const errno = errnoOf(error);
			if (errno === 'EACCES' || errno === 'EPERM') this.refused.add(at);
			return undefined;
		}
	}
}

/** Files in /proc report a size of 0, so read until the end. */
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
