// A client of the QEMU Machine Protocol: JSON objects over a unix socket, one per line (docs/interop/qmp-spec).

import net from 'node:net';
import {messageOf, UserError} from '../../user-error.js';

/** QEMU answers in milliseconds, unless another client holds the socket: then it never answers. */
const TIMEOUT_MS = 5000;

/** No answer of QEMU is as long. Endless input without a newline is not QEMU. */
const LONGEST = 16 * 1024 * 1024;
/** No answer is as deep: each nested PCI bus takes four levels. */
const DEEPEST = 200;
/** Longest name or reason to show, in characters. */
const LONGEST_WORDS = 500;

type Pending = {resolve: (value: unknown) => void; reject: (error: UserError) => void};

export class Qmp {
	private readonly waiting: Pending[] = [];
	/** Pieces of an incomplete answer. */
	private unread: string[] = [];
	private length = 0;
	/** Why the connection has ended. */
	private ended: UserError | undefined;

	private constructor(
		private readonly path: string,
		private readonly socket: net.Socket,
	) {
		socket.setEncoding('utf8');
		socket.on('data', (text: string) => this.take(text));
		socket.on('error', error => this.end(new UserError(unreachable(path, error))));
		socket.on('close', () => this.end(new UserError(closed(path))));
	}

	/**
	 * @param signal ends the connection, even while it is being made
	 * @throws UserError if no QEMU listens, or QEMU is serving another client
	 */
	static async connect(path: string, signal?: AbortSignal): Promise<Qmp> {
		const qmp = new Qmp(path, net.connect(path));
		const end = () => qmp.close();
		signal?.addEventListener('abort', end);
		qmp.socket.on('close', () => signal?.removeEventListener('abort', end));
		try {
			const greeting = await qmp.answer('is another program connected to it, or is QEMU stopped?');
			if (fields(greeting).QMP === undefined) throw notQmp(path);
			await qmp.execute('qmp_capabilities');
			return qmp;
		} catch (error) {
			qmp.close();
			throw error;
		}
	}

	/** The result of a command. @throws UserError with QEMU's own words where it refuses */
	async execute(command: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
		const answer = this.answer(`${command} was sent. Is its process stopped?`);
		this.socket.write(`${JSON.stringify({execute: command, arguments: parameters})}\n`);
		const {error, return: value} = fields(await answer);
		if (error !== undefined)
			throw new UserError(`QEMU refuses ${command}: ${text(fields(error).desc).slice(0, LONGEST_WORDS)}.`);
		return value;
	}

	/** The human monitor's output for a line. */
	async monitor(line: string): Promise<string> {
		return text(await this.execute('human-monitor-command', {'command-line': line}));
	}

	close(): void {
		this.socket.destroy();
	}

	/** The next answer. QEMU answers in order. */
	private answer(situation: string): Promise<unknown> {
		if (this.ended) return Promise.reject(this.ended);
		return new Promise((resolve, reject) => {
			// A late answer would be taken for the next one, so the connection cannot be used any more.
			const timer = setTimeout(() => {
				const late = `no answer from QEMU within ${TIMEOUT_MS / 1000} s; ${situation}`;
				this.end(new UserError(`${this.path}: ${late}`));
				this.close();
			}, TIMEOUT_MS);
			this.waiting.push({
				resolve: value => {
					clearTimeout(timer);
					resolve(value);
				},
				reject: error => {
					clearTimeout(timer);
					reject(error);
				},
			});
		});
	}

	private take(more: string): void {
		const [first, ...lines] = more.split('\n');
		this.unread.push(first);
		this.length += first.length;
		for (const next of lines) {
			this.receive(this.unread.join(''));
			this.unread = [next];
			this.length = next.length;
		}
		if (this.length > LONGEST) this.refuse();
	}

	private receive(line: string): void {
		if (this.ended) return;
		const message = parsed(line);
		if (message === undefined) this.refuse();
		else if (fields(message).event === undefined) this.waiting.shift()?.resolve(message);
	}

	private refuse(): void {
		this.end(notQmp(this.path));
		this.close();
	}

	private end(reason: UserError): void {
		this.ended ??= reason;
		for (const {reject} of this.waiting.splice(0)) reject(this.ended);
	}
}

function unreachable(path: string, error: NodeJS.ErrnoException): string {
	switch (error.code) {
		case 'ENOENT':
			return `${path} does not exist; start QEMU with -qmp unix:${path},server=on,wait=off.`;
		case 'ECONNREFUSED':
		case 'ENOTSOCK':
			return `Cannot connect to ${path}: nothing is listening; start QEMU with -qmp unix:${path},server=on,wait=off.`;
		case 'EACCES':
		case 'EPERM':
			return `${path}: permission denied; run dmascope as the user who runs QEMU, or as root.`;
		case 'EAGAIN':
			// Linux: QEMU's backlog of one connection is full.
			return `${path} is busy: QEMU is stopped, or other programs are connected and waiting.`;
		case 'EPIPE':
		case 'ECONNRESET':
			return closed(path);
		default:
			return `Cannot connect to ${path}: ${messageOf(error)}.`;
	}
}

const closed = (path: string): string => `${path}: QEMU closed the connection; is the machine still running?`;

const notQmp = (path: string): UserError =>
	new UserError(`${path} is not a QMP socket; start QEMU with -qmp unix:${path},server=on,wait=off.`);

/** Undefined where it is not JSON, or too deep for the stack of whoever descends into it. */
function parsed(line: string): unknown {
	try {
		const value: unknown = JSON.parse(line);
		return isDeeper(value, DEEPEST) ? undefined : value;
	} catch {
		return undefined;
	}
}

const isDeeper = (value: unknown, levels: number): boolean =>
	typeof value === 'object' &&
	value !== null &&
	(levels === 0 || Object.values(value).some(part => isDeeper(part, levels - 1)));

/** 32-bit words from a guest physical address on, device registers included, as the guest would read them. */
export const printedWords = async (qmp: Qmp, gpa: number, count: number): Promise<number[]> =>
	(await printed(qmp, gpa, count, 'w')).map(digits => Number.parseInt(digits, 16));

/** Fills the words of a page. QEMU prints 64-bit values in two thirds of the time. */
export async function printedPage(qmp: Qmp, gpa: number, words: Uint32Array): Promise<void> {
	const pieces = await printed(qmp, gpa, words.length / 2, 'g');
	for (const [i, digits] of pieces.entries()) {
		words[2 * i] = Number.parseInt(digits.slice(8), 16);
		words[2 * i + 1] = Number.parseInt(digits.slice(0, 8), 16);
	}
}

const WORDS = /(?<= 0x)[0-9a-f]{8}\b/g;
const GIANTS = /(?<= 0x)[0-9a-f]{16}\b/g;

/** The hexadecimal digits of each value that `xp` prints. */
async function printed(qmp: Qmp, gpa: number, count: number, size: 'w' | 'g'): Promise<string[]> {
	const at = `0x${gpa.toString(16)}`;
	const lines = await qmp.monitor(`xp /${count}${size}x ${at}`);
	const found = lines.match(size === 'w' ? WORDS : GIANTS) ?? [];
	if (found.length !== count)
		throw new UserError(
			`QEMU cannot print memory at ${at}: ${lines.slice(0, 200).trim().replace(/\s+/g, ' ')}`,
		);
	return found;
}

/** The parts of an answer, each checked where it is used: another version of QEMU may answer differently. */
export const fields = (value: unknown): Record<string, unknown> =>
	typeof value === 'object' && value !== null ? {...value} : {};
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
