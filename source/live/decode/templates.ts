// Storms are millions of lines that differ in their clock and their address alone. What such a line says was read once: of
// the next ones read only the two numbers.

import type {Halves} from '../../formats/address.js';
import type {FaultReading, LoggedFault, Reading} from './fault.js';
import {MESSAGE, withoutPrefix} from './prefix.js';

/** A message before and after its address, and what it says. */
type Template = {readonly head: string; readonly tail: string; readonly fault: LoggedFault};

/** A message without numbers of its own, and what it says. */
type Fixed = {readonly text: string; readonly readings: readonly Reading[]};

/** The latest; few storms have more kinds of lines at once. */
const MOST = 16;
/** How a message begins, and what comes before its address. */
const SHAPES: readonly (readonly [start: string, address: string])[] = [
	['DMAR: [DMA ', 'fault addr 0x'],
	['AMD-Vi: Event logged [IO_PAGE_FAULT ', ' address=0x'],
	['DMAR: [DMA ', 'fault addr '],
];
const CLOCK = /\[ *(\d{1,9}\.\d{1,6})\]/;
/** The driver and the function before AMD's message. */
const NAMED = /[\w-]{1,32} [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]: $/;

export class Templates {
	readonly #templates: Template[] = [];
	readonly #fixed: Fixed[] = [];
	/** Where the last message began: the next one begins there too, most often. */
	#at = 0;

	/** What a line like one before says; undefined where it has to be read. */
	read(line: string): readonly Reading[] | undefined {
		const fault = this.#fault(line);
		if (fault !== undefined) return [fault];
		return this.#fixed.find(({text}) => line.endsWith(text) && !MESSAGE.test(line.slice(0, -text.length)))
			?.readings;
	}

	#fault(line: string): FaultReading | undefined {
		for (let i = 0; i < this.#templates.length; i++) {
			const template = this.#templates[i];
			const reading = this.#fill(template, line);
			if (reading === undefined) continue;
			// The likeliest comes first.
			if (i > 1) {
				this.#templates.splice(i, 1);
				this.#templates.unshift(template);
			}
			return reading;
		}
		return undefined;
	}

	#fill({head, tail, fault}: Template, line: string): FaultReading | undefined {
		const at = line.startsWith(head, this.#at) ? this.#at : line.indexOf(head);
		if (at < 0) return undefined;
		const from = at + head.length;
		const to = line.length - tail.length;
		if (to <= from || to - from > 16 || !line.endsWith(tail)) return undefined;
		const address = digits(line, from, to);
		if (address === undefined) return undefined;
		this.#at = at;
		const clock = CLOCK.exec(line);
		const time =
			clock !== null && clock.index < at ? Number(clock[1]) : withoutPrefix(line.slice(0, at)).time;
		return {is: 'fault', fault: {...fault, address, time}, times: 1, like: fault};
	}

	/** Remembers a message that was a fault by itself. */
	learn(message: string, readings: readonly Reading[]): void {
		const [reading] = readings;
		if (readings.length > 0 && readings.every(({is}) => is === 'status' || is === 'overflow')) {
			this.#fixed.unshift({text: message, readings});
			if (this.#fixed.length > MOST) this.#fixed.pop();
			return;
		}
		if (readings.length !== 1 || reading.is !== 'fault') return;
		const {fault} = reading;
		// Without a reason its message has another line.
		const isWhole = fault.reason !== undefined || fault.flags !== undefined;
		if (fault.kind !== 'access' || fault.address === undefined || !isWhole) return;
		const shape = shapeOf(message);
		if (shape === undefined) return;
		this.#templates.unshift({...shape, fault});
		if (this.#templates.length > MOST) this.#templates.pop();
	}
}

/** The message around its address. */
function shapeOf(message: string): Omit<Template, 'fault'> | undefined {
	for (const [start, before] of SHAPES) {
		const at = message.indexOf(start);
		const address = at < 0 ? -1 : message.indexOf(before, at);
		if (address < 0) continue;
		const from = address + before.length;
		const to = from + (/^[0-9a-f]*/.exec(message.slice(from))?.[0].length ?? 0);
		if (to === from || !/^[ \]]/.test(message.slice(to))) continue;
		const name = NAMED.exec(message.slice(0, at))?.[0] ?? '';
		return {head: message.slice(at - name.length, from), tail: message.slice(to)};
	}
	return undefined;
}

/** A number of up to 16 hexadecimal digits. */
function digits(line: string, from: number, to: number): Halves | undefined {
	let [hi, lo] = [0, 0];
	const middle = to - 8;
	for (let i = from; i < to; i++) {
		const code = line.charCodeAt(i);
		const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;
		if (digit < 0) return undefined;
		if (i < middle) hi = hi * 16 + digit;
		else lo = lo * 16 + digit;
	}
	return {lo, hi};
}
