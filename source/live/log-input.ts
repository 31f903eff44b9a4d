// Where a kernel log comes from: a file, standard input, or this machine's own kernel. All of them are read in pieces,
// and can be followed as they grow.

import {spawn} from 'node:child_process';
import fs from 'node:fs';
import type {Readable} from 'node:stream';
import {setTimeout as sleep, setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {compressionOf} from '../files.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';

/** The next bytes, good until the next are asked for; or that there are no more for now, which a follower waits out. */
export type Piece = Buffer | 'pause';
export type LogInput = {
	/** Whether the log is this machine's own: then its sysfs tells of the same devices. */
	readonly own: boolean;
	readonly pieces: AsyncIterable<Piece>;
};

export type InputOptions = {
	readonly follow: boolean;
	/** Ends the following. */
	readonly stop: AbortSignal;
	readonly stdin: Readable & {readonly isTTY?: boolean};
};

const PIECE = 1024 ** 2;
/** How often a file is looked at for more. */
const POLL_MS = 250;
/** After so many records of the kernel's it is the turn of others. */
const RECORDS = 256;
const KMSG = '/dev/kmsg';

/** @throws UserError where it cannot be read */
export function openLog(file: string | undefined, options: InputOptions): LogInput {
	if (file === 'dmesg' || (file === undefined && options.stdin.isTTY)) return ownLog(options);
	if (file === undefined || file === '-') return {own: false, pieces: streamed(options.stdin, options)};
	const descriptor = opened(file, options.follow);
	const kmsg = file === KMSG;
	return {own: kmsg, pieces: kmsg ? records(descriptor, options) : contents(file, descriptor, options)};
}

/** What the kernel of this machine has logged. */
function ownLog(options: InputOptions): LogInput {
	if (!fs.existsSync(KMSG)) return {own: true, pieces: printed(options)};
	return {own: true, pieces: records(opened(KMSG, options.follow), options)};
}

/** A log that was asked for by name is to be there, before anything else is begun. @throws UserError */
export function checkLog(file: string): void {
	if (file !== '-' && file !== 'dmesg') attempt(file, () => fs.accessSync(file, fs.constants.R_OK));
}

/** A pipe that is followed is not waited for: whoever writes it may come later. */
const opened = (file: string, follow: boolean): number =>
	attempt(file, kind => {
		const wouldWait = kind.isCharacterDevice() || (kind.isFIFO() && follow);
		return fs.openSync(file, fs.constants.O_RDONLY | (wouldWait ? fs.constants.O_NONBLOCK : 0));
	});

function attempt<T>(file: string, use: (kind: fs.Stats) => T): T {
	try {
		const kind = fs.statSync(file);
		if (kind.isDirectory())
			throw new UserError(`${file} is a directory; name a log in it, such as kern.log.`);
		return use(kind);
	} catch (error) {
		if (error instanceof UserError) throw error;
		if (errnoOf(error) === 'ENOENT') throw new UserError(`There is no ${file}; check the path.`);
		if (errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM')
			throw new UserError(
				`${file} may not be read by you; try again with sudo, or sudo dmesg | dmascope decode.`,
			);
		throw new UserError(`${file} cannot be read: ${messageOf(error)}.`);
	}
}

async function* contents(file: string, first: number, options: InputOptions): AsyncGenerator<Piece> {
	const piece = Buffer.allocUnsafe(PIECE);
	let descriptor = first;
	let position = beginningOf(first);
	let begun = false;
	try {
		for (;;) {
			const read = readAt(file, descriptor, piece, position);
			if (read > 0) {
				const bytes = piece.subarray(0, read);
				if (!begun) refuseOthers(file, bytes);
				if (!begun && position === null && bytes.every(byte => byte === 0))
					throw new UserError(`${file} has nothing but zeros; name a kernel log.`);
				begun = true;
				if (position !== null) position += read;
				yield bytes;
				// A log of gigabytes is read while a screen is drawn and keys are pressed.
				await yieldToEventLoop();
				continue;
			}
			if (!options.follow) return;
			yield 'pause';
			if (!(await waited(options.stop))) return;
			const now = statOf(file);
			const open = fs.fstatSync(descriptor);
			if (now !== undefined && (now.ino !== open.ino || now.dev !== open.dev)) {
				// Rotated: the old file was read to its end, the new one is read from its beginning.
				const next = opened(file, true);
				fs.closeSync(descriptor);
				descriptor = next;
			} else if (position === null || open.size >= position) continue;
			position = beginningOf(descriptor);
			// The beginning of a new file is no end of the old one's last line.
			yield Buffer.from('\n');
		}
	} finally {
		fs.closeSync(descriptor);
	}
}

/** Null of a pipe or a device, in which there are no places. */
const beginningOf = (descriptor: number): number | null => (fs.fstatSync(descriptor).isFile() ? 0 : null);

/** Undefined where there is nothing, and where nobody may look any more: the old file is good until there is another. */
function statOf(file: string): fs.Stats | undefined {
	try {
		return fs.statSync(file);
	} catch {
		return undefined;
	}
}

function readAt(file: string, descriptor: number, piece: Buffer, position: number | null): number {
	try {
		return fs.readSync(descriptor, piece, 0, piece.length, position);
	} catch (error) {
		if (errnoOf(error) === 'EAGAIN') return 0;
		throw new UserError(`${file} cannot be read: ${messageOf(error)}.`);
	}
}

/** /dev/kmsg gives a record at a time; EPIPE says that some were overwritten before they were read. */
async function* records(descriptor: number, options: InputOptions): AsyncGenerator<Piece> {
	const piece = Buffer.allocUnsafe(8192);
	try {
		for (let count = 1; ; count++) {
			const read = recordInto(descriptor, piece);
			if (count % RECORDS === 0) await yieldToEventLoop();
			if (read > 0) yield piece.subarray(0, read);
			else if (read === 0) {
				if (!options.follow) return;
				yield 'pause';
				if (!(await waited(options.stop))) return;
			}
		}
	} finally {
		fs.closeSync(descriptor);
	}
}

/** The bytes of a record; 0 where there is none yet, -1 where the next has to be asked for. */
function recordInto(descriptor: number, piece: Buffer): number {
	try {
		return fs.readSync(descriptor, piece);
	} catch (error) {
		if (errnoOf(error) === 'EAGAIN') return 0;
		if (errnoOf(error) === 'EPIPE') return -1;
		throw new UserError(
			`The kernel's log cannot be read: ${messageOf(error)}; try sudo dmesg | dmascope decode.`,
		);
	}
}

/** Where there is no /dev/kmsg, dmesg(8) prints what there is. */
async function* printed(options: InputOptions): AsyncGenerator<Piece> {
	if (options.follow)
		throw new UserError(
			'Without /dev/kmsg the kernel cannot be followed; follow a file, such as /var/log/messages.',
		);
	const child = spawn('dmesg', {stdio: ['ignore', 'pipe', 'ignore']});
	const failed = new Promise<string | undefined>(resolve => {
		child.on('error', error => resolve(messageOf(error)));
		child.on('close', code => resolve(code === 0 ? undefined : `dmesg exits with ${code}`));
	});
	yield* streamed(child.stdout, options);
	const why = await failed;
	if (why !== undefined)
		throw new UserError(`This machine's kernel log cannot be read: ${why}; name a file, or pipe a log in.`);
}

async function* streamed(stream: Readable, {follow, stop}: InputOptions): AsyncGenerator<Piece> {
	const end = () => stream.destroy();
	stop.addEventListener('abort', end, {once: true});
	let begun = false;
	try {
		for await (const chunk of stream) {
			const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
			if (!begun) refuseOthers('Standard input', bytes);
			begun = true;
			yield bytes;
			if (follow) yield 'pause';
		}
	} catch (error) {
		if (error instanceof UserError) throw error;
		if (!stop.aborted) throw new UserError(`Standard input cannot be read: ${messageOf(error)}.`);
	} finally {
		stop.removeEventListener('abort', end);
	}
}

/** @returns whether to go on */
async function waited(stop: AbortSignal): Promise<boolean> {
	try {
		await sleep(POLL_MS, undefined, {signal: stop});
		return true;
	} catch {
		return false;
	}
}

const JOURNAL = 'LPKSHHRH';

function refuseOthers(name: string, bytes: Buffer): void {
	const packed = compressionOf(bytes);
	const [what, how] = packed
		? [`compressed (${packed.name})`, packed.cat]
		: bytes.toString('latin1', 0, 8) === JOURNAL
			? ['a journal', 'journalctl -k --file']
			: [];
	if (what !== undefined)
		throw new UserError(`${name} is ${what}; read it with: ${how} FILE | dmascope decode`);
}
