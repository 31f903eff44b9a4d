// Finds the few lines of a log that matter. Logs have gigabytes, and faults contain words that hardly any other line has:
// search the bytes for those words, and decode only the lines around them.

/** What a line may contain. */
export type Interest = 'fault' | 'context';
export type OnLine = (line: string, interest: Interest) => void;

/**
 * Words of the messages that the fault readers know. Each begins with a letter that is rare in logs, since the search
 * looks for it first, and has at most seven bytes: V8 searches for longer ones several times slower.
 */
const FAULTS = [
	...['MAR', 'MAP', 'HD: han'], // DMAR, INTR-REMAP, DRHD: handling
	...['AMD-Vi', '_FAULT'],
	...['VT: d', 'VT]', 'V_DTE', 'V_TIME', 'ype 0x'], // FreeBSD's AMD IOMMUs
	...['vtd_', 'vi_'], // QEMU
	'backs s', // callbacks suppressed
];
/** A kernel's first message, and firmware's memory map. */
const BOOT = 'Linux v';
const E820 = 'BIOS-e8';
/** A PCI function in a driver's message. There are many, and searching for zeros is slow. */
const FUNCTION = '0000:';

const MARKERS = [...FAULTS, BOOT, E820, FUNCTION].map(marker => Buffer.from(marker));
const FIRST_CONTEXT = FAULTS.length;
const BOOTED = FIRST_CONTEXT;
const LAST = MARKERS.length - 1;
const NONE = Number.MAX_SAFE_INTEGER;
/**
 * Messages about devices appear at boot and around faults: search for functions in this many bytes after each, and only
 * after the first faults.
 */
const AFTER_BOOT = 4 * 1024 ** 2;
const AFTER_FAULT = 65536;
const MOST_FAULTS = 256;

const NEWLINE = 10;
const SPACE = 32;
const COLON = 58;
const DOT = 46;
/** No message is longer. A longer line is cut around the word. */
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
	#carry: Buffer = Buffer.alloc(0);
	readonly #speakers = new Map<string, string>();
	/** The byte of the log up to which functions are searched for. */
	#contextEnd = AFTER_BOOT;
	#faults = 0;
	/** Bytes pushed so far. */
	bytes = 0;
	#scanned = 0;

	constructor(onLine: OnLine, wants: () => number) {
		this.#onLine = onLine;
		this.#wants = wants;
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
			this.#keep(chunk.subarray(0, start));
			this.end();
		}
		this.#scan(chunk.subarray(start, last + 1));
		this.#keep(chunk.subarray(last + 1));
	}

	/** The log has ended: its last line may lack a newline. */
	end(): void {
		const line = this.#carry;
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
		const next = MARKERS.map((_, i) => this.#find(bytes, i, 0));
		let at = 0;
		while (at < bytes.length) {
			if (this.#wants() > 0) {
				at = this.#give(bytes, at, at, () => 'fault');
			} else {
				const marker = nearest(next);
				const position = next[marker];
				if (position === NONE) break;
				if (marker === LAST && !this.#speaks(bytes, position)) {
					next[LAST] = this.#find(bytes, LAST, position + 1);
					continue;
				}
				const start = Math.max(at, bytes.lastIndexOf(NEWLINE, position) + 1);
				at = this.#give(bytes, start, position, end => interestOf(next, end));
				this.#listen(marker, this.#scanned + at);
			}
			for (let i = 0; i < next.length; i++) if (next[i] < at) next[i] = this.#find(bytes, i, at);
		}
		this.#scanned += bytes.length;
	}

	#listen(marker: number, at: number): void {
		if (marker === BOOTED) this.#contextEnd = at + AFTER_BOOT;
		else if (marker < FIRST_CONTEXT && this.#faults++ < MOST_FAULTS)
			this.#contextEnd = Math.max(this.#contextEnd, at + AFTER_FAULT);
	}

	#find(bytes: Buffer, marker: number, from: number): number {
		if (marker === LAST && this.#scanned + from > this.#contextEnd) return NONE;
		return found(bytes, MARKERS[marker], from);
	}

	/** @returns where the next line starts */
	#give(bytes: Buffer, start: number, position: number, interest: (end: number) => Interest): number {
		const end = found(bytes, NEWLINE, position);
		const stop = Math.min(end, bytes.length);
		const from = stop - start > LONGEST ? Math.max(start, charAt(bytes, position - BEFORE)) : start;
		const to = stop - from > LONGEST ? charAt(bytes, from + LONGEST) : stop;
		const line = bytes.toString('utf8', from, to);
		this.#onLine(`${from > start ? CUT : ''}${line}${to < stop ? CUT : ''}`, interest(end));
		return stop + 1;
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

/** The start of the UTF-8 character that contains a byte; where there is none, that byte. */
function charAt(bytes: Buffer, at: number): number {
	for (let first = at; first > at - 4; first--) if ((bytes[first] & 0xc0) !== 0x80) return first;
	return at;
}

function found(bytes: Buffer, what: Buffer | number, from: number): number {
	const position = bytes.indexOf(what, from);
	return position < 0 ? NONE : position;
}

/** A line is a fault's if it contains a fault word anywhere, even after a driver's name. */
function interestOf(positions: readonly number[], end: number): Interest {
	for (let i = 0; i < FIRST_CONTEXT; i++) if (positions[i] < end) return 'fault';
	return 'context';
}

function nearest(positions: readonly number[]): number {
	let least = 0;
	for (let i = 1; i < positions.length; i++) if (positions[i] < positions[least]) least = i;
	return least;
}
