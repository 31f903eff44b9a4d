// Finds the few lines of a log that matter. Logs have gigabytes, and faults contain words that hardly any other line has:
// search the bytes for those words, and decode only the lines around them.

import {WordSearch} from './word-search.js';
import {BOOT_WORD, CONTEXT_WORDS, FAULT_WORDS} from './words.js';

/** What a line may contain. */
export type Interest = 'fault' | 'context';
/** `before` reads the line before it. */
export type OnLine = (line: string, interest: Interest, before: () => string) => void;

const NONE = Number.MAX_SAFE_INTEGER;
const FAULTS = [...FAULT_WORDS, BOOT_WORD];
const BOOTED = FAULT_WORDS.length;
const FUNCTION = CONTEXT_WORDS.indexOf(' 0000:');

/** A paste is short, and any of its lines may help: lspci's, lshw's, a list of groups. Read all lines of its size. */
const PASTE = 256 * 1024;
/**
 * Messages about devices appear at boot and around faults: search for functions in this many bytes after each, and only
 * after the first faults.
 */
const AFTER_BOOT = 4 * 1024 ** 2;
const AFTER_FAULT = 65536;
const MOST_FAULTS = 256;

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const COLON = 58;
const DOT = 46;
/** No message is longer. A longer line is cut around its words. */
const LONGEST = 4096;
const BEFORE = 512;
/** Bytes to keep of an incomplete line. */
const CARRY = 65536;
/** Marks a cut, so that half a number is not read as a whole one. */
const CUT = '?';
/** Functions whose last message's driver is stored. */
const SPEAKERS = 4096;

export class LogLines {
	readonly #onLine: OnLine;
	/** How many more lines the readers need, whatever they contain. */
	readonly #wants: () => number;
	readonly #paste: number;
	readonly #faultWords = new WordSearch(FAULTS);
	readonly #contextWords = new WordSearch(CONTEXT_WORDS);
	#carry: Buffer = Buffer.alloc(0);
	readonly #speakers = new Map<string, string>();
	/** The byte of the log up to which functions are searched for. */
	#contextEnd = AFTER_BOOT;
	#faults = 0;
	/** The last line of the bytes before. */
	#before = '';
	/** Bytes pushed so far. */
	bytes = 0;
	#scanned = 0;

	/** @param paste how many bytes from the start are given whole */
	constructor(onLine: OnLine, wants: () => number, paste = PASTE) {
		this.#onLine = onLine;
		this.#wants = wants;
		this.#paste = paste;
	}

	push(chunk: Buffer): void {
		this.bytes += chunk.length;
		const last = chunk.lastIndexOf(NEWLINE);
		if (last < 0) {
			this.#keep(chunk);
			return;
		}
		let start = 0;
		if (this.#carry.length > 0) {
			start = chunk.indexOf(NEWLINE) + 1;
			this.#keep(chunk.subarray(0, start - 1));
			this.end();
		}
		this.#scan(chunk.subarray(start, last + 1));
		this.#keep(chunk.subarray(last + 1));
	}

	/** The log has ended: its last line may lack a newline. */
	end(): void {
		if (this.#carry.length === 0) return;
		const line = Buffer.concat([this.#carry, Buffer.of(NEWLINE)]);
		this.#carry = Buffer.alloc(0);
		this.#scan(line);
	}

	/** Keeps the start of an incomplete line. What follows a gap must not be joined to it. */
	#keep(bytes: Buffer): void {
		const room = CARRY - this.#carry.length;
		if (bytes.length > 0 && room > 0) this.#carry = Buffer.concat([this.#carry, bytes.subarray(0, room)]);
		if (bytes.length > room) this.#carry.write(CUT, CARRY - 1);
	}

	/** Whole lines. */
	#scan(bytes: Buffer): void {
		if (bytes.length === 0) return;
		let [fault, context] = [-1, -1];
		for (let at = 0; at < bytes.length; ) {
			if (fault < at) fault = this.#nextFault(bytes, at);
			const boot = this.#faultWords.word === BOOTED;
			if (this.#wants() > 0 || this.#scanned + at < this.#paste) {
				const end = bytes.indexOf(NEWLINE, at);
				const isFault = this.#wants() > 0 || fault < end;
				at = this.#give(bytes, at, fault < end ? fault : at, isFault ? 'fault' : 'context');
				if (fault < at) this.#listen(boot, this.#scanned + at);
				continue;
			}
			if (context < at) context = this.#nextContext(bytes, at);
			const position = Math.min(fault, context);
			if (position === NONE) break;
			const start = Math.max(at, bytes.lastIndexOf(NEWLINE, position) + 1);
			const end = bytes.indexOf(NEWLINE, position);
			at = this.#give(bytes, start, position, fault < end ? 'fault' : 'context');
			if (fault < end) this.#listen(boot, this.#scanned + at);
		}
		this.#before = lineBefore(bytes, bytes.length);
		this.#scanned += bytes.length;
	}

	#listen(boot: boolean, at: number): void {
		if (boot) this.#contextEnd = at + AFTER_BOOT;
		else if (this.#faults++ < MOST_FAULTS) this.#contextEnd = Math.max(this.#contextEnd, at + AFTER_FAULT);
	}

	/** "default " and "segfault " are no faults. */
	#nextFault(bytes: Buffer, from: number): number {
		for (let at = from; ; at++) {
			at = this.#faultWords.next(bytes, at);
			if (at < 0) return NONE;
			if (bytes[at] !== LETTER_F || at === 0 || !isLetter(bytes[at - 1])) return at;
		}
	}

	#nextContext(bytes: Buffer, from: number): number {
		for (let at = from; ; at++) {
			if (this.#scanned + at > this.#contextEnd) return NONE;
			at = this.#contextWords.next(bytes, at);
			if (at < 0) return NONE;
			if (this.#contextWords.word !== FUNCTION || this.#speaks(bytes, at + 1)) return at;
		}
	}

	/** @returns where the next line, or the rest of a very long one, starts */
	#give(bytes: Buffer, start: number, position: number, interest: Interest): number {
		const newline = bytes.indexOf(NEWLINE, position);
		const stop = newline > start && bytes[newline - 1] === RETURN ? newline - 1 : newline;
		const from = stop - start > LONGEST ? Math.max(start, charAt(bytes, position - BEFORE)) : start;
		const to = stop - from > LONGEST ? cutAt(bytes, from, from + LONGEST) : stop;
		const line = bytes.toString('utf8', from, to);
		this.#onLine(`${from > start ? CUT : ''}${line}${to < stop ? CUT : ''}`, interest, () =>
			start === 0 ? this.#before : lineBefore(bytes, start),
		);
		return to < stop ? to : newline + 1;
	}

	/** Whether this is a driver's message about a function, from another driver than the last: "ixgbe 0000:3b:00.0: " */
	#speaks(bytes: Buffer, position: number): boolean {
		const after = bytes[position + 12];
		const shaped = bytes[position + 7] === COLON && bytes[position + 10] === DOT;
		if (!shaped || (after !== COLON && after > SPACE)) return false;
		let start = position - 1;
		while (start > 0 && position - start < 32 && bytes[start - 1] > SPACE) start--;
		const speaker = bytes.toString('latin1', start, position + 13);
		if (speaker.startsWith('pci ')) return true;
		const which = bytes.toString('latin1', position, position + 12);
		if (this.#speakers.get(which) === speaker) return false;
		if (this.#speakers.size < SPEAKERS) this.#speakers.set(which, speaker);
		return true;
	}
}

const LETTER_F = 102;
const isLetter = (byte: number): boolean => (byte | 0x20) >= 97 && (byte | 0x20) <= 122;

/** The line that ends before `start`, which is where the next one starts; at most its end. */
function lineBefore(bytes: Buffer, start: number): string {
	if (start < 1) return '';
	const from = start < 2 ? 0 : bytes.lastIndexOf(NEWLINE, start - 2) + 1;
	return bytes.toString('utf8', Math.max(from, start - 1 - LONGEST), start - 1);
}

/** The start of the UTF-8 character that contains a byte; where there is none, that byte. */
function charAt(bytes: Buffer, at: number): number {
	for (let first = at; first > at - 4; first--) if ((bytes[first] & 0xc0) !== 0x80) return first;
	return at;
}

/** Where to cut a line of many messages: before the last one's clock, so that none is cut. */
function cutAt(bytes: Buffer, from: number, to: number): number {
	const clock = bytes.lastIndexOf(' [ ', to);
	return clock > from + LONGEST / 2 ? clock : charAt(bytes, to);
}
