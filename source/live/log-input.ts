// A kernel log's source: a file, standard input, or this machine's own kernel. Each is read in pieces and can be followed
// as it grows.

import {spawn} from 'node:child_process';
import fs from 'node:fs';
import type {Readable} from 'node:stream';
import {setTimeout as sleep, setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {compressionOf} from '../files.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';

/** The next bytes, valid until the next piece is requested; or a pause, when a followed log has no more for now. */
export type Piece = Buffer | 'pause';
export type LogInput = {
	/** Whether the log is this machine's own: its sysfs then describes the same devices. */
	readonly isOwn: boolean;
	readonly pieces: AsyncIterable<Piece>;
};

export type InputOptions = {
	readonly follow: boolean;
	/** Stops following the log. */
	readonly stop: AbortSignal;
	readonly stdin: Readable & {readonly isTTY?: boolean};
};

const PIECE = 1024 ** 2;
/** How often a followed file is polled. */
const POLL_MS = 250;
/** Kernel records between two turns of the event loop. */
const RECORDS = 256;
const KMSG = '/dev/kmsg';

/** @throws UserError if the log cannot be read */
export function openLog(file: string | undefined, options: InputOptions): LogInput {
	if (file === 'dmesg' || (file === undefined && options.stdin.isTTY)) return ownLog(options);
	if (file === undefined || file === '-') return {isOwn: false, pieces: readStream(options.stdin, options)};
	const descriptor = openFile(file, options.follow);
	const kmsg = file === KMSG;
	return {isOwn: kmsg, pieces: kmsg ? readRecords(descriptor, options) : readFile(file, descriptor, options)};
}

/** This machine's kernel log. */
function ownLog(options: InputOptions): LogInput {
	if (!fs.existsSync(KMSG)) return {isOwn: true, pieces: readDmesg(options)};
	return {isOwn: true, pieces: readRecords(openFile(KMSG, options.follow), options)};
}

/** Checks that a named log is readable before anything else starts. @throws UserError */
export function checkLog(file: string): void {
	if (file !== '-' && file !== 'dmesg') attempt(file, () => fs.accessSync(file, fs.constants.R_OK));
}

/** Opening a followed pipe does not block: its writer may open it later. */
const openFile = (file: string, follow: boolean): number =>
	attempt(file, kind => {
		const wouldBlock = kind.isCharacterDevice() || (kind.isFIFO() && follow);
		return fs.openSync(file, fs.constants.O_RDONLY | (wouldBlock ? fs.constants.O_NONBLOCK : 0));
	});

function attempt<T>(file: string, use: (kind: fs.Stats) => T): T {
	try {
		const kind = fs.statSync(file);
		if (kind.isDirectory())
			throw new UserError(`${file} is a directory; name a log in it, such as kern.log.`);
		return use(kind);
	} catch (error) {
		if (error instanceof UserError) throw error;
		if (errnoOf(error) === 'ENOENT') throw new UserError(`${file} does not exist; check the path.`);
		if (errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM')
			throw new UserError(`${file}: permission denied; try sudo, or sudo dmesg | dmascope decode.`);
		throw new UserError(`${file} cannot be read: ${messageOf(error)}.`);
	}
}

async function* readFile(file: string, first: number, options: InputOptions): AsyncGenerator<Piece> {
	const piece = Buffer.allocUnsafe(PIECE);
	let descriptor = first;
	let position = startOf(first);
	let isChecked = false;
	try {
		for (;;) {
			const read = readAt(file, descriptor, piece, position);
			if (read > 0) {
				const bytes = piece.subarray(0, read);
				if (!isChecked) refuseOtherFormats(file, bytes);
				if (!isChecked && position === null && bytes.every(byte => byte === 0))
					throw new UserError(`${file} contains only zeros; name a kernel log.`);
				isChecked = true;
				if (position !== null) position += read;
				yield bytes;
				// Let the screen be drawn and keys be handled while gigabytes are read.
				await yieldToEventLoop();
				continue;
			}
			if (!options.follow) return;
			yield 'pause';
			if (!(await nextPoll(options.stop))) return;
			const now = statOf(file);
			const open = fs.fstatSync(descriptor);
			if (now !== undefined && (now.ino !== open.ino || now.dev !== open.dev)) {
				// Rotated: the old file is finished; read the new one from its start.
				const next = openFile(file, true);
				fs.closeSync(descriptor);
				descriptor = next;
			} else if (position === null || open.size >= position) continue;
			position = startOf(descriptor);
			// A new file does not continue the old one's last line.
			yield Buffer.from('\n');
		}
	} finally {
		fs.closeSync(descriptor);
	}
}

/** Null for a pipe or a device: they have no positions. */
const startOf = (descriptor: number): number | null => (fs.fstatSync(descriptor).isFile() ? 0 : null);

/** Undefined where the file is missing or unreadable: the old one is read until a new one appears. */
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

/** /dev/kmsg returns one record per read; EPIPE means that some were overwritten before they were read. */
async function* readRecords(descriptor: number, options: InputOptions): AsyncGenerator<Piece> {
	const piece = Buffer.allocUnsafe(8192);
	try {
		for (let count = 1; ; count++) {
			const read = recordInto(descriptor, piece);
			if (count % RECORDS === 0) await yieldToEventLoop();
			if (read > 0) yield piece.subarray(0, read);
			else if (read === 0) {
				if (!options.follow) return;
				yield 'pause';
				if (!(await nextPoll(options.stop))) return;
			}
		}
	} finally {
		fs.closeSync(descriptor);
	}
}

/** The length of a record; 0 without a new record, -1 if the read must be repeated. */
function recordInto(descriptor: number, piece: Buffer): number {
	try {
		return fs.readSync(descriptor, piece);
	} catch (error) {
		if (errnoOf(error) === 'EAGAIN') return 0;
		if (errnoOf(error) === 'EPIPE') return -1;
		throw new UserError(
			`The kernel log cannot be read: ${messageOf(error)}; try sudo dmesg | dmascope decode.`,
		);
	}
}

/** Without /dev/kmsg, dmesg(8) prints the log. */
async function* readDmesg(options: InputOptions): AsyncGenerator<Piece> {
	if (options.follow)
		throw new UserError(
			'The kernel log cannot be followed without /dev/kmsg; follow a file, such as /var/log/messages.',
		);
	const child = spawn('dmesg', {stdio: ['ignore', 'pipe', 'ignore']});
	const failed = new Promise<string | undefined>(resolve => {
		child.on('error', error => resolve(messageOf(error)));
		child.on('close', code => resolve(code === 0 ? undefined : `dmesg failed with exit code ${code}`));
	});
	yield* readStream(child.stdout, options);
	const why = await failed;
	if (why !== undefined)
		throw new UserError(`The kernel log cannot be read: ${why}; name a file or pipe a log in.`);
}

async function* readStream(stream: Readable, {follow, stop}: InputOptions): AsyncGenerator<Piece> {
	const end = () => stream.destroy();
	stop.addEventListener('abort', end, {once: true});
	let isChecked = false;
	try {
		for await (const chunk of stream) {
			const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
			if (!isChecked) refuseOtherFormats('Standard input', bytes);
			isChecked = true;
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

/** @returns false if the reading was stopped */
async function nextPoll(stop: AbortSignal): Promise<boolean> {
	try {
		await sleep(POLL_MS, undefined, {signal: stop});
		return true;
	} catch {
		return false;
	}
}

const JOURNAL = 'LPKSHHRH';

function refuseOtherFormats(name: string, bytes: Buffer): void {
	const packed = compressionOf(bytes);
	const [what, how] = packed
		? [`compressed (${packed.name})`, packed.cat]
		: bytes.toString('latin1', 0, 8) === JOURNAL
			? ['a journal', 'journalctl -k --file']
			: [];
	if (what !== undefined)
		throw new UserError(`${name} is ${what}; read it with: ${how} FILE | dmascope decode`);
}
