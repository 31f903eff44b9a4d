// Files that people name. A new file replaces no other, and is written completely or not at all; only regular files
// of limited length are read.

import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {errnoOf, messageOf, UserError} from './user-error.js';
import {sizeText} from './words.js';

const {O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY} = fs.constants;

/** Identifies a file, whichever of its names is used. */
export type FileId = string;

export type NewOptions = {
	mode?: number;
	/** Files that the command reads, which must not be replaced. */
	inputs?: readonly string[];
	replaces?: Replaced;
};

/** Old files of one kind: with --force any of them, without it the one that was made here earlier. */
export type Replaced = {kind: FileKind; force: boolean; earlier?: FileId};

/** `name`: "a capture"; `matches`: whether a file that begins with these bytes is one. */
export type FileKind = {name: string; matches: (beginning: Buffer) => boolean};

/** Enough bytes to recognise a file's kind. */
const BEGINNING = 1024;
const PUBLIC = 0o666;
/** How link(2) fails on a file system that has no hard links. */
const NO_LINKS = ['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK'];

/** Whether a new file can be made at a path, before the work that fills it. @throws UserError */
export function checkNew(path: string, options: NewOptions = {}): void {
	attempt(path, () => {
		checkName(path, options);
		const {descriptor, temporary} = makeTemporary(path, options);
		fs.closeSync(descriptor);
		fs.unlinkSync(temporary);
	});
}

/** Makes a new file. @throws UserError, and then nothing is left behind */
export function createNew(path: string, contents: string | Uint8Array, options: NewOptions = {}): FileId {
	const descriptor = openNew(path, contents, options);
	try {
		return idOf(fs.fstatSync(descriptor, {bigint: true}));
	} finally {
		fs.closeSync(descriptor);
	}
}

/** The same for a file that grows. @returns a descriptor that appends */
export function openNew(path: string, contents: string | Uint8Array, options: NewOptions = {}): number {
	return attempt(path, () => {
		checkName(path, options);
		const {descriptor, temporary} = makeTemporary(path, options);
		try {
			fs.writeFileSync(descriptor, contents);
			fs.fsyncSync(descriptor);
			// While the contents were written, another file may have come to the path.
			if (checkName(path, options)) fs.renameSync(temporary, path);
			else takeName(temporary, path);
			return descriptor;
		} catch (error) {
			fs.closeSync(descriptor);
			fs.rmSync(temporary, {force: true});
			throw error;
		}
	});
}

/** @returns whether a file is there that may be replaced @throws UserError if one is there that may not */
function checkName(path: string, {inputs = [], replaces}: NewOptions): boolean {
	const stat = fs.lstatSync(path, {bigint: true, throwIfNoEntry: false});
	if (stat === undefined) return false;
	if (!stat.isFile()) throw new UserError(`${path} is ${kindOf(stat)}; choose another name.`);
	const id = idOf(stat);
	if (inputs.some(input => idAt(input) === id))
		throw new UserError(`${path} is read by this command; choose another name.`);
	if (replaces === undefined) throw new UserError(`${path} exists; choose another name.`);
	const {kind, force, earlier} = replaces;
	if (!kind.matches(beginningOf(path)))
		throw new UserError(`${path} exists and is not ${kind.name}; choose another name.`);
	if (!force && id !== earlier) throw new UserError(`${path} exists; choose another name, or add --force.`);
	return true;
}

/** Nothing of a file that this user may not read. */
function beginningOf(path: string): Buffer {
	try {
		const descriptor = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
		try {
			const bytes = Buffer.alloc(BEGINNING);
			return bytes.subarray(0, fs.readSync(descriptor, bytes));
		} finally {
			fs.closeSync(descriptor);
		}
	} catch {
		return Buffer.alloc(0);
	}
}

/** An unpredictable name beside a path, so that both are on the same file system. */
function makeTemporary(file: string, {mode = PUBLIC}: NewOptions): {descriptor: number; temporary: string} {
	const temporary = path.join(path.dirname(file), `.dmascope-${randomBytes(8).toString('hex')}`);
	return {descriptor: fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode), temporary};
}

/** Unlike rename(2), link(2) never replaces a file. */
function takeName(temporary: string, path: string): void {
	try {
		fs.linkSync(temporary, path);
	} catch (error) {
		if (!NO_LINKS.includes(errnoOf(error) ?? '')) throw error;
		claimName(temporary, path);
		return;
	}
	fs.unlinkSync(temporary);
}

/** FAT has no hard links: an empty file of our own claims the name, and is then replaced. */
function claimName(temporary: string, path: string): void {
	fs.closeSync(fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
	try {
		fs.renameSync(temporary, path);
	} catch (error) {
		fs.rmSync(path, {force: true});
		throw error;
	}
}

function attempt<T>(path: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (error instanceof UserError || errnoOf(error) === undefined) throw error;
		throw new UserError(`${path} ${problemOf(error)}`);
	}
}

function problemOf(error: unknown): string {
	switch (errnoOf(error)) {
		case 'EEXIST':
			return 'exists; choose another name.';
		case 'ENOENT':
		case 'ENOTDIR':
			return 'is in a folder that does not exist; choose another name.';
		case 'EACCES':
		case 'EPERM':
			return 'is in a folder that you may not write to; choose another.';
		case 'EROFS':
			return 'is on a read-only file system; choose another folder.';
		case 'ENAMETOOLONG':
			return 'is too long a name; choose a shorter one.';
		case 'ENOSPC':
		case 'EDQUOT':
			return 'does not fit on its file system; free some space, or choose another folder.';
		default:
			return `cannot be created: ${messageOf(error)}; choose another name.`;
	}
}

const idOf = ({dev, ino}: fs.BigIntStats): FileId => `${dev}:${ino}`;

function idAt(path: string): FileId | undefined {
	try {
		return idOf(fs.statSync(path, {bigint: true}));
	} catch {
		return undefined;
	}
}

type Kinds = Pick<fs.Stats, 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isBlockDevice'>;

/** The kind of a file that is not regular. */
function kindOf(stat: Kinds): string {
	if (stat.isDirectory()) return 'a directory';
	if (stat.isSymbolicLink()) return 'a symbolic link';
	if (stat.isFIFO()) return 'a FIFO';
	if (stat.isSocket()) return 'a socket';
	return stat.isBlockDevice() ? 'a block device' : 'a character device';
}

/** `limit` in bytes; `mend`: what to do where it is no regular file; `pipes`: they are read, too. */
export type ReadOptions = {limit: number; mend: string; pipes?: boolean};

const CHUNK = 65_536;
/** How long a pipe may be silent, and how long to sleep between reads. */
const PATIENCE_MS = 30_000;
const NAP_MS = 10;
const naps = new Int32Array(new SharedArrayBuffer(4));

/**
 * All bytes of a regular file. Never blocks on a FIFO without a writer, or on a device.
 * @throws UserError if it is no regular file, or too long; the system's error where it cannot be read
 */
export function readRegular(path: string, {limit, mend, pipes = false}: ReadOptions): Buffer {
	const descriptor = openRegular(path, {mend, pipes});
	try {
		const stat = fs.fstatSync(descriptor);
		const tooLong = () => new UserError(`${path} is larger than ${sizeText(limit)}; name a smaller file.`);
		if (stat.isFile() && stat.size > limit) throw tooLong();
		const chunks: Buffer[] = [];
		let length = 0;
		// Files in /proc and /sys are longer than their size, so read to the end.
		for (;;) {
			const chunk = readChunk(path, descriptor, mend, stat.isFIFO());
			if (chunk.length === 0) break;
			length += chunk.length;
			if (length > limit) throw tooLong();
			chunks.push(chunk);
		}
		if (length === 0 && stat.isFIFO())
			throw new UserError(`${path} is a FIFO that nothing writes to; ${mend}.`);
		return Buffer.concat(chunks, length);
	} finally {
		fs.closeSync(descriptor);
	}
}

/** Opens a regular file for reading. @throws UserError for any other kind of file; the system's error */
export function openRegular(path: string, {mend, pipes = false}: Omit<ReadOptions, 'limit'>): number {
	const check = (stat: fs.Stats) => {
		if (stat.isFile() || (pipes && stat.isFIFO())) return;
		throw new UserError(`${path} is ${kindOf(stat)}, not a regular file; ${mend}.`);
	};
	// Opening some devices has side effects, so check the name first, and then the open file.
	check(fs.statSync(path));
	const descriptor = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	try {
		check(fs.fstatSync(descriptor));
		return descriptor;
	} catch (error) {
		fs.closeSync(descriptor);
		throw error;
	}
}

/** The next bytes; empty at the end. Waits for a pipe, but not for ever. */
function readChunk(path: string, descriptor: number, mend: string, waits: boolean): Buffer {
	const chunk = Buffer.allocUnsafe(CHUNK);
	for (let waited = 0; ; waited += NAP_MS) {
		try {
			return chunk.subarray(0, fs.readSync(descriptor, chunk));
		} catch (error) {
			if (errnoOf(error) !== 'EAGAIN') throw error;
			if (!waits || waited >= PATIENCE_MS)
				throw new UserError(
					`${path} has nothing to read${waits ? ` for ${PATIENCE_MS / 1000} s` : ''}; ${mend}.`,
				);
			Atomics.wait(naps, 0, 0, NAP_MS);
		}
	}
}

/** How compressed files begin, and what decompresses them. */
const COMPRESSED: readonly {beginning: string; name: string; cat: string}[] = [
	{beginning: '\x1f\x8b', name: 'gzip', cat: 'zcat'},
	{beginning: '\xfd7zXZ', name: 'xz', cat: 'xzcat'},
	{beginning: '\x28\xb5\x2f\xfd', name: 'zstd', cat: 'zstdcat'},
	{beginning: 'BZh', name: 'bzip2', cat: 'bzcat'},
];

/** The program that compressed a file, by the file's first bytes. */
export function compressionOf(beginning: Uint8Array): {name: string; cat: string} | undefined {
	const text = Buffer.from(beginning.subarray(0, 8)).toString('latin1');
	return COMPRESSED.find(each => text.startsWith(each.beginning));
}
