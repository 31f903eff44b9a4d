// Reads faults from the messages of a log. Some faults take several messages.

import type {Halves} from '../../formats/address.js';
import {entryWords} from './amdvi-lines.js';
import type {Continue} from './families/format.js';
import type {FaultReading, LoggedFault, Reading} from './fault.js';
import {type Message, type Parsed, parse} from './parse.js';
import {withoutPrefix} from './prefix.js';
import {joined, type QemuPart} from './qemu-lines.js';
import {TableWalk} from './table-walk.js';
import {fits, reasoned} from './vtd-lines.js';

/** A fault that needs another line; `of` is that line. */
type Open =
	| {readonly of: 'reason'; readonly fault: LoggedFault}
	| {readonly of: 'event'; readonly line: string}
	| {readonly of: 'device'; readonly fault: LoggedFault}
	| {readonly of: 'entry'; readonly first: Halves}
	| {readonly of: 'name'; readonly fault: LoggedFault}
	| {readonly of: 'parts'; readonly parts: readonly QemuPart['from'][]; readonly fault: LoggedFault}
	| {readonly of: 'more'; readonly fault: LoggedFault; readonly next: Continue};

/** Other lines that may come between the halves of a fault: the kernel's and syslog's writers interleave. */
const MOST_BETWEEN = 4;
/** Of an IOMMU's driver, or of the whole log: Xen's and Linux's printk count all messages. */
const SUPPRESSED =
	/(?:^|[\s>])(\w*(?:dmar|iommu|smmu|mmu_irq|dart|rmp|immu)\w*|printk): (\d{1,15}) (?:callbacks|messages) suppressed/;
const REPEATED = /message repeated (\d{1,9}) times(?:: \[ (.*)\])?\s*$/;
/** /dev/kmsg and journalctl keep the lines of one message together like this. */
const LINE_BREAK = /\\x0a|\\n(?=DMAR:|INTR-REMAP:)/;

export class FaultReader {
	#open: Open | undefined;
	#remaining = 0;
	/** The last message that was a complete fault: storms repeat it. */
	#last: {readonly text: string; readonly fault: LoggedFault} | undefined;
	readonly #walk = new TableWalk();
	/** Whether the line before was a fault, for "last message repeated 41 times". */
	#repeatable = false;

	/** Whether a fault still needs another line. */
	get isOpen(): boolean {
		return this.#open !== undefined;
	}

	/** A message was read elsewhere; "last message repeated" is about it. */
	saw(readings: readonly Reading[]): void {
		this.#repeatable = readings.at(-1)?.is === 'fault';
	}

	/** How many more lines are needed, whatever they contain. */
	get wants(): number {
		const forFault = this.#open !== undefined ? this.#remaining : this.#repeatable ? 1 : 0;
		return Math.max(forFault, this.#walk.wants);
	}

	/**
	 * Reads a line, which may complete an earlier one. Lines that do not concern an IOMMU may be skipped, except for those
	 * that it `wants`.
	 */
	read({text, time, parsed}: Message): Reading[] {
		if (text === this.#last?.text && this.#open === undefined) {
			this.#repeatable = true;
			return [{is: 'fault', fault: {...this.#last.fault, time}, times: 1}];
		}
		return text.includes('\\')
			? text.split(LINE_BREAK).flatMap(each => this.#message(each, time))
			: this.#message(text, time, parsed);
	}

	/** The fault that was still open at the end of the log. */
	end(): Reading[] {
		return this.#close();
	}

	#message(text: string, time: number | undefined, known?: readonly Parsed[]): Reading[] {
		const suppressed = text.includes('suppressed') ? SUPPRESSED.exec(text) : null;
		if (suppressed) {
			this.#repeatable = false;
			return [{is: 'suppressed', of: suppressed[1], messages: Number(suppressed[2])}];
		}
		const repeated = text.includes('repeated') ? REPEATED.exec(text) : null;
		if (repeated) return this.#repeat(Number(repeated[1]), repeated[2]);
		const more = this.#more(text);
		if (more !== undefined) return more;
		const walked = this.#walk.read(text);
		if (walked !== undefined) return walked === '' ? [] : [...this.#close(), {is: 'detail', text: walked}];
		const parsed = known ?? parse(text, time);
		if (parsed.length === 0) {
			this.#repeatable = false;
			return this.#open === undefined ? [] : this.#wait();
		}
		if (parsed.length === 1 && parsed[0].is === 'fault') this.#last = {text, fault: parsed[0].fault};
		const readings =
			parsed.length === 1 ? this.#take(parsed[0], text) : parsed.flatMap(each => this.#take(each, text));
		// The open fault may be this line's, and the reading an earlier line's.
		this.#repeatable = this.#open === undefined && readings.at(-1)?.is === 'fault';
		return readings;
	}

	#repeat(times: number, text: string | undefined): Reading[] {
		if (text === undefined) return this.#repeatable ? [{is: 'repeat', times}] : [];
		const inner = withoutPrefix(text);
		return parse(inner.text, inner.time).flatMap((reading): Reading[] =>
			reading.is === 'fault' ? [{...reading, times}] : [],
		);
	}

	/** A further line of a message; undefined if it is none. */
	#more(text: string): Reading[] | undefined {
		const open = this.#open;
		if (open?.of !== 'more') return undefined;
		const step = open.next(text);
		if (step === undefined) return undefined;
		if (step.next === undefined) return this.#complete(step.fault);
		this.#open = {of: 'more', fault: step.fault, next: step.next};
		this.#remaining = MOST_BETWEEN;
		return [];
	}

	#wait(): Reading[] {
		this.#remaining--;
		return this.#remaining > 0 ? [] : this.#close();
	}

	#close(): Reading[] {
		const open = this.#open;
		this.#open = undefined;
		if (open === undefined || open.of === 'entry') return [];
		if (open.of === 'event') return [{is: 'not understood', line: open.line}];
		return [{is: 'fault', fault: open.fault, times: 1}];
	}

	/** Closes the open fault and opens another. */
	#await(open: Open): Reading[] {
		const before = this.#close();
		this.#open = open;
		this.#remaining = MOST_BETWEEN;
		return before;
	}

	#take(parsed: Parsed, line: string): Reading[] {
		const open = this.#open;
		switch (parsed.is) {
			case 'open':
				return this.#await({of: 'reason', fault: parsed.fault});
			case 'opened':
				return this.#await({of: 'event', line});
			case 'unattached':
				return this.#await({
					of: 'device',
					fault: {
						family: 'amd-vi',
						by: 'Linux',
						kind: 'unattached',
						name: 'Device not attached to domain properly',
						time: parsed.time,
					},
				});
			case 'begun':
				if (parsed.next === undefined)
					return [...this.#close(), {is: 'fault', fault: parsed.fault, times: 1}];
				return this.#await({of: 'more', fault: parsed.fault, next: parsed.next});
			case 'part':
				return this.#part(parsed.part);
			case 'entry':
				if (parsed.index === 0) return this.#await({of: 'entry', first: parsed.value});
				if (open?.of !== 'entry') return [];
				this.#open = undefined;
				return [{is: 'detail', text: entryWords(open.first, parsed.value)}];
			case 'reason':
				if (open?.of !== 'reason' || !fits(open.fault, parsed))
					return [...this.#close(), {is: 'not understood', line}];
				return this.#complete(reasoned(open.fault, parsed.reason, parsed.words));
			case 'device':
				if (open?.of !== 'device') return [];
				return this.#complete({...open.fault, device: parsed.device, domain: parsed.domain});
			case 'name':
				if (open?.of !== 'name' || open.fault.device?.rid !== parsed.rid) return this.#close();
				return this.#complete({...open.fault, driver: parsed.name});
			// These may come between the lines of a fault.
			case 'status':
			case 'notice':
				return [...(open === undefined ? [] : this.#wait()), parsed];
			case 'fault':
				return this.#fault(parsed);
			default:
				return [...this.#close(), parsed];
		}
	}

	#complete(fault: LoggedFault): Reading[] {
		this.#open = undefined;
		return [{is: 'fault', fault, times: 1}];
	}

	#fault(reading: FaultReading): Reading[] {
		const {fault} = reading;
		// amdiommu(4) has the device's name on the next line.
		if (fault.by === 'FreeBSD' && fault.name === 'IO_PAGE_FAULT' && fault.detail === undefined)
			return this.#await({of: 'name', fault});
		// The second half of a broken line: the first half alone means nothing.
		if (this.#open?.of === 'event') this.#open = undefined;
		return [...this.#close(), reading];
	}

	#part({from, fault}: QemuPart): Reading[] {
		const open = this.#open;
		if (open?.of === 'parts' && !open.parts.includes(from)) {
			const both = joined(open.fault, fault);
			if (both !== undefined) {
				this.#open = {of: 'parts', parts: [...open.parts, from], fault: both};
				return [];
			}
		}
		return this.#await({of: 'parts', parts: [from], fault});
	}
}
