// From the bytes of a log to the few lines that matter. Logs have gigabytes, faults a word or two that hardly
// anything else has: bytes are searched for those, and only the lines around them become text.

/** What a line may hold, and who has to read it. */
export type Interest = 'fault' | 'context';
export type OnLine = (line: string, interest: Interest) => void;

/**
 * Each is of messages that the readers of faults know. It begins with a letter that logs seldom have, as bytes are
 * searched for that one first, and has seven at most: longer ones V8 searches by another method, several times slower.
 */
const FAULTS = [
	...['MAR', 'MAP', 'HD: han'], // DMAR, INTR-REMAP, DRHD: handling
	...['AMD-Vi', '_FAULT'],
	...['VT: d', 'VT]', 'V_DTE', 'V_TIME', 'ype 0x'], // FreeBSD's AMD IOMMUs
	...['vtd_', 'vi_'], // QEMU
	'backs s', // callbacks suppressed
];
/** A kernel begins to speak; what firmware reserves. */
const BOOT = 'Linux v';
const E820 = 'BIOS-e8';
/** A PCI function that a driver speaks for. There are many, and the search for zeros is slow. */
const FUNCTION = '0000:';

const MARKERS = [...FAULTS, BOOT, E820, FUNCTION].map(marker => Buffer.from(marker));
const FIRST_CONTEXT = FAULTS.length;
const BOOTED = FIRST_CONTEXT;
const LAST = MARKERS.length - 1;
const NONE = Number.MAX_SAFE_INTEGER;
/**
 * Devices are introduced at boot, and spoken of again when they fail: for so many bytes functions are looked for, and
 * after so many faults.
 */
const AFTER_BOOT = 4 * 1024 ** 2;
const AFTER_FAULT = 65536;
const FAULTS_TOLD = 256;

const NEWLINE = 10;
const SPACE = 32;
const COLON = 58;
const DOT = 46;
/** No message is longer; of a longer line, what stands around the word. */
const LONGEST = 4096;
const BEFORE = 512;
/** What is kept of a line that has not come to its end. */
const CARRY = 65536;
/** Stands where a line was cut, so that half a number is not read as a whole one. */
const CUT = '?';
/** Functions of which the last speaker is remembered. */
const SPEAKERS = 4096;

export class LogLines {
	readonly #onLine: OnLine;
	/** How many more lines the readers want, whatever is in them. */
	readonly #wants: () => number;
	#carry: Buffer = Buffer.alloc(0);
	readonly #speakers = new Map<string, string>();
	/** Up to which byte of the log functions are looked for. */
	#curious = AFTER_BOOT;
	#told = 0;
	/** How many were pushed, and how many of them were scanned. */
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

	/** The log is at its end: its last line may lack a newline. */
	end(): void {
		const line = this.#carry;
		this.#carry = Buffer.alloc(0);
		this.#scan(line);
	}

	/** Of a line that is longer than can be kept, its beginning: what comes after a gap must not be joined to it. */
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
		if (marker === BOOTED) this.#curious = at + AFTER_BOOT;
		else if (marker < FIRST_CONTEXT && this.#told++ < FAULTS_TOLD)
			this.#curious = Math.max(this.#curious, at + AFTER_FAULT);
	}

	#find(bytes: Buffer, marker: number, from: number): number {
		if (marker === LAST && this.#scanned + from > this.#curious) return NONE;
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

	/** Whether a driver that has not just spoken for a function does so here: "ixgbe 0000:3b:00.0: " */
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

/** Where the character of UTF-8 begins that a byte is of; where it is of none, that byte. */
function charAt(bytes: Buffer, at: number): number {
	for (let first = at; first > at - 4; first--) if ((bytes[first] & 0xc0) !== 0x80) return first;
	return at;
}

function found(bytes: Buffer, what: Buffer | number, from: number): number {
	const position = bytes.indexOf(what, from);
	return position < 0 ? NONE : position;
}

/** A driver's name may come before the word that makes a line a fault's. */
function interestOf(positions: readonly number[], end: number): Interest {
	for (let i = 0; i < FIRST_CONTEXT; i++) if (positions[i] < end) return 'fault';
	return 'context';
}

function nearest(positions: readonly number[]): number {
	let least = 0;
	for (let i = 1; i < positions.length; i++) if (positions[i] < positions[least]) least = i;
	return least;
}
