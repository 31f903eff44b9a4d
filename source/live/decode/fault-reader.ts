// Reads faults from the lines of a log. Some faults take several lines.

import type {Halves} from '../../formats/address.js';
import {type Parsed as AmdviParsed, amdviLine, entryWords} from './amdvi-lines.js';
import type {FaultReading, LoggedFault, Reading} from './fault.js';
import {type Parsed as FreebsdParsed, freebsdLine} from './freebsd-lines.js';
import {type LogLine, withoutPrefix} from './prefix.js';
import {joined, type Parsed as QemuParsed, type QemuPart, qemuLine} from './qemu-lines.js';
import {fits, reasoned, type Parsed as VtdParsed, vtdLine} from './vtd-lines.js';
import {isXen, xenLine} from './xen-lines.js';

type Parsed = VtdParsed | AmdviParsed | FreebsdParsed | QemuParsed;

/** A fault that needs another line; `of` is that line. */
type Open =
	| {readonly of: 'reason'; readonly fault: LoggedFault}
	| {readonly of: 'event'; readonly line: string}
	| {readonly of: 'device'; readonly fault: LoggedFault}
	| {readonly of: 'entry'; readonly first: Halves}
	| {readonly of: 'name'; readonly fault: LoggedFault}
	| {readonly of: 'parts'; readonly parts: readonly QemuPart['from'][]; readonly fault: LoggedFault};

/** Other lines that may come between the halves of a fault: the kernel's and syslog's writers interleave. */
const MOST_BETWEEN = 4;
const SUPPRESSED = /(?:^|\s)(dmar_fault|amd_iommu_\w+|iommu_\w+|printk): (\d{1,15}) callbacks suppressed/;
const REPEATED = /message repeated (\d{1,9}) times(?:: \[ (.*)\])?\s*$/;
/** /dev/kmsg and journalctl keep the lines of one message together like this. */
const LINE_BREAK = /\\x0a|\\n(?=DMAR:|INTR-REMAP:)/;

export class FaultReader {
	#open: Open | undefined;
	#remaining = 0;
	/** The last message that was a complete fault: storms repeat it. */
	#last: {readonly text: string; readonly fault: LoggedFault} | undefined;
	/** Whether the line before was a fault, for "last message repeated 41 times". */
	#repeatable = false;

	/** How many more lines are needed, whatever they contain. */
	get wants(): number {
		if (this.#open !== undefined) return this.#remaining;
		return this.#repeatable ? 1 : 0;
	}

	/**
	 * Reads a line, which may complete an earlier one. Lines that do not concern an IOMMU may be skipped, except for those
	 * that it `wants`.
	 */
	read({text, time}: LogLine): Reading[] {
		if (text === this.#last?.text && this.#open === undefined) {
			this.#repeatable = true;
			return [{is: 'fault', fault: {...this.#last.fault, time}, times: 1}];
		}
		return text.includes('\\')
			? text.split(LINE_BREAK).flatMap(each => this.#message(each, time))
			: this.#message(text, time);
	}

	/** The fault that was still open at the end of the log. */
	end(): Reading[] {
		return this.#close();
	}

	#message(text: string, time: number | undefined): Reading[] {
		const suppressed = text.includes('suppressed') ? SUPPRESSED.exec(text) : null;
		if (suppressed) {
			this.#repeatable = false;
			return [{is: 'suppressed', of: suppressed[1], messages: Number(suppressed[2])}];
		}
		const repeated = text.includes('repeated') ? REPEATED.exec(text) : null;
		if (repeated) return this.#repeat(Number(repeated[1]), repeated[2]);
		const parsed = parse(text, time);
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

/** A word in the message tells which reader to try. */
function parse(text: string, time?: number): readonly Parsed[] {
	// Storms consist of these.
	if (text.startsWith('DMAR: [')) return vtdLine(text, time);
	if (text.includes('AMD-Vi: Event logged [')) return amdviLine(text, time);
	if (isXen(text)) return xenLine(text, time);
	if (text.includes('vtd_') || text.includes('amdvi_') || text.includes('ot recorded')) {
		const parsed = qemuLine(text, time);
		if (parsed.length > 0) return parsed;
	}
	if (FREEBSD.test(text)) {
		const parsed = freebsdLine(text, time);
		if (parsed.length > 0) return parsed;
	}
	if (AMDVI.test(text)) {
		const parsed = amdviLine(text, time);
		if (parsed.length > 0) return parsed;
	}
	return VTD.test(text) ? vtdLine(text, time) : [];
}

const FREEBSD = /DMAR\d|EVT|amdiommu|devid:|Page Fault rid/;
const AMDVI = /AMD-Vi|Event logged|[A-Z]_[A-Z]+ \w+=|Completion-Wait|^\s+device=/;
const VTD = /DMAR|DRHD|INTR-REMAP|fault reason/;
