// Puts messages together again that mail, forums and consoles have broken: lines wrapped at a width, quoted, with
// quoted-printable's soft breaks; and takes messages apart that share a line.

import {type Wholeness, wholenessOf} from './parse.js';
import {isFrame, isSoftBreak, withoutQuotedPrintable, withoutQuotes} from './plain-line.js';
import {type LogLine, withoutPrefix} from './prefix.js';

/** A message has at most as many more lines, at 40 columns. */
const MOST_LINES = 6;
/** Fields of a journal between two messages. */
const MOST_FRAMES = 64;
/** Only a console cuts a word in two, and at its right edge. */
const NARROWEST_CONSOLE = 60;

const CLOCK = String.raw`\[ *\d{1,9}\.\d{3,6}(?: *<[^<>\]]{0,20}>)?\]`;
/** What begins a message within a line: a clock, or another fault. */
const SEAM = new RegExp(
	String.raw`${CLOCK}|(?:[\w-]+ [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: |iommu ivhd\d+: )?AMD-Vi: Event logged \[|(?:DMAR: )?(?:DMAR: ?)?\[DMA (?:Read|Write)|(?:DMAR: )?\[INTR-REMAP\]`,
	'g',
);
const ANY_CLOCK = new RegExp(CLOCK);
const FAULT = /Event logged \[|\[DMA (?:Read|Write)|\[INTR-REMAP\]/;

/** Less than this between two clocks is a prefix. */
const SHORTEST = 24;

/** The messages of a line. Most lines have one. */
export function messagesOf(line: string): readonly string[] {
	const starts = [0];
	let hasFault = false;
	let clockEnd: number | undefined;
	for (const {0: seam, index} of line.matchAll(SEAM)) {
		const isFault = FAULT.test(seam);
		const said = clockEnd !== undefined && line.slice(clockEnd, index).trim().length > SHORTEST;
		if (hasFault || (!isFault && said)) {
			starts.push(index);
			hasFault = isFault;
		} else hasFault ||= isFault;
		if (!isFault) clockEnd = index + seam.length;
	}
	if (starts.length === 1) return [line];
	return starts.map((start, i) => line.slice(start, starts[i + 1])).filter(each => each.trim() !== '');
}

/** A line that begins a message or has a clock of its own cannot go on with another. */
const OWN =
	/^(?:<\d+>|\[ *\+?\d+\.\d|\[[A-Z][a-z]{2} |\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d|[A-Z][a-z]{2} \d{4}-|\(XEN\)|\d+,\d+,\d+|DMAR|dmar|DRHD|INTR-REMAP|AMD-Vi: Ev|\[VT-D\]|arm-smmu|kernel: |[a-z][\w-]{1,31} [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: )/;

const RANK: Readonly<Record<Wholeness, number>> = {none: 0, broken: 1, part: 2, whole: 3};

type Pending = {
	readonly first: LogLine;
	/** With what was joined to it. */
	text: string;
	/** The length of its last line as it stood in the log. */
	length: number;
	rank: number;
	lines: number;
	frames: number;
};

export class Messages {
	readonly #read: (message: LogLine) => void;
	#pending: Pending | undefined;
	/** A message that another one interrupted within its line. */
	#torn: Pending | undefined;

	/** @param read receives each message, put together */
	constructor(read: (message: LogLine) => void) {
		this.#read = read;
	}

	/** How many more lines may belong to the message. */
	get wants(): number {
		const pending = this.#pending ?? this.#torn;
		return pending === undefined ? 0 : MOST_LINES - pending.lines;
	}

	/** @param before reads the line before it */
	push(raw: string, time: number | undefined, before: () => string): void {
		const line = withoutQuotedPrintable(raw);
		if (this.#pending !== undefined && this.#continue(line)) return;
		if (this.#torn !== undefined && this.#mend(line)) return;
		const pieces = messagesOf(line);
		for (const [i, piece] of pieces.entries()) {
			if (i > 0) this.#tear();
			const message = withoutPrefix(i === 0 ? quoteless(piece) : piece);
			this.#start({...message, time: message.time ?? time}, piece.length, i === 0 ? before : undefined);
		}
	}

	/** The log has ended. */
	end(): void {
		this.#flush();
		this.#dropTorn();
	}

	#start(message: LogLine, length: number, before?: () => string): void {
		const whole = before === undefined ? message : withBefore(message, before);
		const wholeness = wholenessOf(whole.text);
		if (wholeness === 'none' || wholeness === 'whole') this.#read(whole);
		else {
			const rank = RANK[wholeness];
			this.#pending = {first: whole, text: whole.text, length, rank, lines: 0, frames: 0};
		}
	}

	/** @returns whether the line belongs to the message before it */
	#continue(line: string): boolean {
		const pending = this.#pending;
		if (pending === undefined) return false;
		if (isFrame(line) && pending.frames++ < MOST_FRAMES) return true;
		const body = withoutQuotes(line);
		if (body === '') return ++pending.lines < MOST_LINES || this.#flush();
		const whole = OWN.test(body) || ANY_CLOCK.test(body.slice(0, 40)) ? this.#repeated(pending, line) : body;
		const joined = whole === undefined ? undefined : bestOf(pending, whole);
		if (joined !== undefined && joined.rank > pending.rank) {
			const message = {...pending.first, text: joined.text};
			if (joined.rank === RANK.whole) {
				this.#pending = undefined;
				this.#read(message);
			} else Object.assign(pending, joined, {length: line.length, lines: pending.lines + 1, first: message});
			return true;
		}
		// A line that says something by itself is none of this message's.
		if (
			whole === undefined ||
			++pending.lines >= MOST_LINES ||
			wholenessOf(body) !== 'none' ||
			pending.rank !== RANK.broken
		) {
			this.#flush();
			return false;
		}
		const text = isSoftBreak(pending.text) ? pending.text.slice(0, -1) + whole : `${pending.text} ${whole}`;
		Object.assign(pending, {text, length: line.length});
		return true;
	}

	/** syslog repeats its prefix before each line of a message: the next ones are indented. */
	#repeated(pending: Pending, line: string): string | undefined {
		const {text} = withoutPrefix(line);
		return pending.rank === RANK.broken && /^\s/.test(text) && !OWN.test(text.trim())
			? text.trim()
			: undefined;
	}

	/** Reads what there is of the message. */
	#flush(): false {
		const pending = this.#pending;
		this.#pending = undefined;
		if (pending !== undefined) this.#read(pending.first);
		return false;
	}

	/** Another message begins in the same line. */
	#tear(): void {
		if (this.#pending === undefined || this.#pending.rank !== RANK.broken) {
			this.#flush();
			return;
		}
		this.#dropTorn();
		this.#torn = this.#pending;
		this.#pending = undefined;
	}

	/** @returns whether the line is the rest of the message that was interrupted */
	#mend(line: string): boolean {
		const torn = this.#torn;
		const body = withoutQuotes(line);
		if (torn === undefined) return false;
		const joined = OWN.test(body) ? undefined : bestOf({...torn, length: NARROWEST_CONSOLE}, body);
		if (joined === undefined || joined.rank < RANK.part) {
			this.#dropTorn();
			return false;
		}
		this.#torn = undefined;
		this.#read({...torn.first, text: joined.text});
		return true;
	}

	#dropTorn(): void {
		const torn = this.#torn;
		this.#torn = undefined;
		if (torn !== undefined) this.#read(torn.first);
	}
}

/** The better of the ways to join: at a space, as mail wraps, or within a word, as a console does. */
function bestOf(
	{text, length}: Pick<Pending, 'text' | 'length'>,
	body: string,
): {text: string; rank: number} {
	const spaced = `${text.trimEnd()} ${body}`;
	const ways = isSoftBreak(text)
		? [text.slice(0, -1) + body, `${text.slice(0, -1)} ${body}`]
		: length >= NARROWEST_CONSOLE && !/\s$/.test(text)
			? [spaced, text + body]
			: [spaced];
	const ranked = ways.map(way => ({text: way, rank: RANK[wholenessOf(way)]}));
	return ranked.reduce((best, each) => (each.rank > best.rank ? each : best));
}

/** The driver or the function that the message begins with may be the end of the line before. */
const NAMED = /(?:^|\s)([a-z][\w-]{1,31})$/;
const NAMED_FUNCTION = /(?:^|\s)((?:[a-z][\w-]{1,31} )?[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]:)$/;

function withBefore(message: LogLine, before: () => string): LogLine {
	const head = /^(?:AMD-Vi: Event|[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: AMD-Vi: Event)/.exec(
		message.text,
	)?.[0];
	if (head === undefined) return message;
	const line = withoutPrefix(withoutQuotes(before().trimEnd()));
	const name = (head.startsWith('AMD') ? NAMED_FUNCTION : NAMED).exec(line.text)?.[1];
	return name === undefined ? message : {text: `${name} ${message.text}`, time: message.time ?? line.time};
}

/** Quote marks come before everything else. */
const quoteless = (line: string): string => (/^\s*(?:>|\||&gt;)/.test(line) ? withoutQuotes(line) : line);
