// Puts messages together again that mail, forums and consoles have broken: lines wrapped at a width, quoted, with
// quoted-printable's soft breaks; and takes messages apart that share a line.

import {lacksDevice, type Message, parse, type Wholeness, wholenessOf, wholenessOfParsed} from './parse.js';
import {isFrame, isSoftBreak, withoutMarks, withoutQuotedPrintable, withoutQuotes} from './plain-line.js';
import {type LogLine, withoutPrefix} from './prefix.js';

/** A message has at most as many more lines, at 40 columns. */
const MOST_LINES = 8;
/** Fields of a journal between two messages. */
const MOST_FRAMES = 256;
/** Marks a cut, so that half a number is not read as a whole one. */
const CUT = '?';
/** Only a console cuts a word in two, and at its right edge. */
const NARROWEST_CONSOLE = 40;

const CLOCK = String.raw`\[ *\d{1,9}\.\d{1,6}(?: *<[^<>\]]{0,20}>)?\]`;
/** What begins a message within a line: a clock, or another fault. */
const SEAM = new RegExp(
	String.raw`${CLOCK}|AMD-Vi: Event logged \[|\[DMA (?:Read|Write)|\[INTR-REMAP\]`,
	'g',
);
/** Names before a fault that belong to it. */
const NAMES =
	/(?:[\w-]{1,32} [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: |iommu ivhd\d{1,3}: |(?:dmar: |DMAR: )?DMAR: ?)$/;
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
			const names = isFault ? NAMES.exec(line.slice(Math.max(0, index - 64), index)) : null;
			starts.push(index - (names?.[0].length ?? 0));
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
	/** With what was joined to it: at spaces, as mail wraps, and within words, as consoles do. */
	wrapped: string;
	cut: string;
	/** The length of its last line as it stood in the log. */
	length: number;
	rank: number;
	lines: number;
	/** Lines that may have been its continuation: they are read where they were not. */
	swallowed: LogLine[];
};

export class Messages {
	readonly #read: (message: Message) => void;
	#pending: Pending | undefined;
	/** A message that another one interrupted within its line. */
	#torn: Pending | undefined;
	#frames = 0;

	/** @param read receives each message, put together */
	constructor(read: (message: Message) => void) {
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
		if (isFrame(line) && (this.#completes(line) || this.#frames++ < MOST_FRAMES)) return;
		this.#frames = 0;
		if (this.#pending !== undefined && this.#continue(line)) return;
		if (this.#torn !== undefined && this.#mend(line)) return;
		const pieces = messagesOf(line);
		for (const [i, piece] of pieces.entries()) {
			if (i > 0) this.#tear();
			// Another message may have come into the middle of a number.
			const isTorn = i < pieces.length - 1 && /\w$/.test(piece);
			const message = withoutPrefix(i === 0 ? quoteless(piece) : piece);
			const read = {...message, text: isTorn ? message.text + CUT : message.text, time: message.time ?? time};
			this.#start(read, message.text, piece.length, i === 0 ? before : undefined);
		}
	}

	/** The log has ended. */
	end(): void {
		this.#flush();
		this.#dropTorn();
	}

	/** @param rest what another line continues, without the mark of a cut */
	#start(message: LogLine, rest: string, length: number, before?: () => string): void {
		const whole = before === undefined ? message : withBefore(message, before);
		const text = whole === message ? rest : whole.text;
		const parsed = parse(whole.text, whole.time);
		const wholeness = wholenessOfParsed(whole.text, parsed);
		if (wholeness === 'none' || wholeness === 'whole') this.#read({...whole, parsed});
		else {
			const rank = RANK[wholeness];
			this.#pending = {first: whole, wrapped: text, cut: text, length, rank, lines: 0, swallowed: []};
		}
	}

	/** A bracket alone may be a message's last. @returns whether it is */
	#completes(line: string): boolean {
		const pending = this.#pending;
		const whole = pending && waysOf(pending, line, line).find(({rank}) => rank > RANK.part);
		if (pending === undefined || whole === undefined) return false;
		this.#pending = undefined;
		this.#read({...pending.first, text: whole.text});
		return true;
	}

	/** @returns whether the line belongs to the message before it */
	#continue(line: string): boolean {
		const pending = this.#pending;
		if (pending === undefined) return false;
		const body = withoutQuotes(line);
		const isOwn = OWN.test(body) || ANY_CLOCK.test(body.slice(0, 40));
		const rest = isOwn ? this.#repeated(pending, line) : body;
		const joined = rest === undefined ? [] : waysOf(pending, rest, withoutMarks(line));
		const best = joined.reduce((a, b) => (b.rank >= a.rank ? b : a), {text: '', rank: pending.rank});
		if (best.rank > pending.rank || isRestOfNumber(pending, line, best)) {
			const message = {...pending.first, text: best.text};
			if (best.rank > RANK.part) {
				this.#pending = undefined;
				this.#read(message);
			} else
				this.#pending = {
					...pending,
					first: message,
					wrapped: best.text,
					cut: best.text,
					length: line.length,
					rank: best.rank,
				};
			return true;
		}
		// A line that says something by itself is none of this message's.
		const own = rest === undefined ? 'whole' : wholenessOf(body);
		const isOver = own === 'whole' || own === 'part' || pending.rank !== RANK.broken;
		if (isOver || ++pending.lines >= MOST_LINES) {
			this.#flush();
			return false;
		}
		[pending.wrapped, pending.cut] = [joined[0].text, joined.at(-1)?.text ?? joined[0].text];
		pending.length = line.length;
		if (own === 'broken') pending.swallowed.push({text: body});
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
		for (const message of pending === undefined ? [] : [pending.first, ...pending.swallowed])
			this.#read(message);
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
		const ways = OWN.test(body) ? [] : waysOf({...torn, length: NARROWEST_CONSOLE}, body, line);
		const joined = ways.find(({rank}) => rank >= RANK.part);
		if (joined === undefined) {
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

/** A console may cut the address of a message whose reason is in another line. */
const isRestOfNumber = ({cut, rank}: Pending, line: string, joined: {text: string; rank: number}): boolean =>
	rank === RANK.part &&
	joined.rank === rank &&
	joined.text === cut + line &&
	/[0-9a-f]$/.test(cut) &&
	/^[0-9a-f]{1,15}(?=[\s,]|$)/.test(line);

/** A cut at a space leaves one; more are an indent. */
const INDENT = /^(?: {2}|\t)/;

/** The ways to join a line: at a space, as mail wraps, and within a word, as a console does. */
function waysOf(
	{wrapped, cut, length}: Pick<Pending, 'wrapped' | 'cut' | 'length'>,
	body: string,
	line: string,
): readonly {text: string; rank: number}[] {
	const ways = isSoftBreak(wrapped)
		? [wrapped.slice(0, -1) + body, cut + line]
		: length >= NARROWEST_CONSOLE
			? [`${wrapped.trimEnd()} ${body}`, cut + (INDENT.test(line) ? body : line)]
			: [`${wrapped.trimEnd()} ${body}`];
	return ways.map(text => ({text, rank: RANK[wholenessOf(text)] - (lacksDevice(text) ? 0.5 : 0)}));
}

/** All that a line has before a message: a driver's name, or its beginning, perhaps with the function. */
const NAME = /^[a-z][\w-]{0,31}(?: [0-9a-f:.]*:?)?$/;
const STARTS_NAMED = /^[\w-]* ?[0-9a-f:.]{0,12}: AMD-Vi: Event/;

/** A page fault's driver and function may be in the line before, where a line's end came between. */
function withBefore(message: LogLine, before: () => string): LogLine {
	const text = message.text.trimStart();
	if (
		message.time !== undefined ||
		!(text.startsWith('AMD-Vi: Event') || STARTS_NAMED.test(text) || lacksDevice(text))
	)
		return message;
	const line = withoutPrefix(withoutQuotes(before().trimEnd()));
	const ends = /(?:^|[^\w-])([a-z][\w-]{0,31} [0-9a-f:.]{4,12}:)(?: AMD[\w:. -]{0,22})?$/.exec(line.text);
	if (ends === null && !NAME.test(line.text)) return message;
	const tail = ends === null ? line.text : line.text.slice(line.text.lastIndexOf(ends[1]));
	// The rest of a driver's name follows without a space.
	const isCut = ends === null && /^[a-z]/.test(text) && before().length >= NARROWEST_CONSOLE;
	const ways = (isCut ? [tail + text] : [`${tail} ${text}`, tail + text]).filter(
		way => !lacksDevice(way) && DRIVEN.test(way),
	);
	return ways.length === 0 ? message : {text: ways[0], time: line.time};
}
const DRIVEN = /(?:^|\s)[a-z][\w-]{2,31} [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: AMD-Vi: Event logged \[/;

/** Quote marks come before everything else. */
const quoteless = (line: string): string => (/^\s*(?:>|\||&gt;)/.test(line) ? withoutQuotes(line) : line);
