// What one message says: a word in it tells which readers to try.

import {type Parsed as AmdviParsed, amdviLine} from './amdvi-lines.js';
import type {Parsed as OtherParsed} from './families/format.js';
import {FORMATS} from './families/index.js';
import {type Parsed as FreebsdParsed, freebsdLine} from './freebsd-lines.js';
import {looksLikeTrouble, noticeOf} from './notices.js';
import type {LogLine} from './prefix.js';
import {type Parsed as QemuParsed, qemuLine} from './qemu-lines.js';
import {type Parsed as VtdParsed, vtdLine} from './vtd-lines.js';
import {isXen, xenLine} from './xen-lines.js';

/** A message, and what it says where that is known already. */
export type Message = LogLine & {readonly parsed?: readonly Parsed[]};

export type Parsed = VtdParsed | AmdviParsed | FreebsdParsed | QemuParsed | OtherParsed;

const FREEBSD = /DMAR\d|EVT|amdiommu|devid:|Page Fault rid/;
const AMDVI = /AMD-Vi|Event logged|[A-Z]_[A-Z]+ \w+=|Completion-Wait|^\s+device=/;
const VTD = /DMAR|DRHD|INTR-REMAP|fault reason|\[DMA (?:Read|Write)/;

export function parse(text: string, time?: number): readonly Parsed[] {
	const known = ofVendor(text, time);
	// A reader that only finds a likeness leaves the message to the others.
	if (known.length > 0 && known.every(({is}) => is !== 'not understood')) return known;
	const other = ofFamily(text, time);
	if (other.length > 0) return other;
	const notice = noticeOf(text, time);
	if (notice !== undefined) return [{is: 'notice', notice}];
	if (known.length > 0) return known;
	return looksLikeTrouble(text) ? [{is: 'not understood', line: text}] : [];
}

function ofVendor(text: string, time?: number): readonly Parsed[] {
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

function ofFamily(text: string, time?: number): readonly Parsed[] {
	for (const {word, pattern, read} of FORMATS) {
		if (!text.includes(word)) continue;
		const match = pattern.exec(text);
		if (match === null) continue;
		const before = text.slice(0, match.index);
		const parsed = read(match, {before, after: text.slice(match.index + match[0].length), time});
		if (parsed !== undefined) return [parsed];
	}
	return [];
}

/** How much of a message is there. `part`: it has more lines; `whole`: nothing is missing; `none`: it is not about an IOMMU. */
export type Wholeness = 'none' | 'broken' | 'part' | 'whole';

export const wholenessOf = (text: string): Wholeness => wholenessOfParsed(text, parse(text));

export function wholenessOfParsed(text: string, parsed: readonly Parsed[]): Wholeness {
	if (parsed.length === 0) return endsInBeginning(text) ? 'broken' : 'none';
	if (parsed.some(({is}) => is === 'not understood' || is === 'opened')) return 'broken';
	return parsed.some(({is}) => is === 'open') ? 'part' : 'whole';
}

/** How the commonest messages begin: a console may cut them anywhere. */
const BEGINNINGS = [
	...['DMAR: [DMA Write', 'DMAR: [DMA Read', 'DMAR: [INTR-REMAP]', 'DMAR:[DMA Write', 'DMAR:[DMA Read'],
	...['AMD-Vi: Event logged [', 'Unhandled context fault: fsr=0x'],
];
const SHORTEST_BEGINNING = 7;

const endsInBeginning = (text: string): boolean =>
	BEGINNINGS.some(beginning => {
		for (let length = beginning.length - 1; length >= SHORTEST_BEGINNING; length--)
			if (text.endsWith(beginning.slice(0, length))) return true;
		return false;
	});

/** Whether a page fault lacks its device, which Linux names before the message: it may be in the line before. */
export function lacksDevice(text: string): boolean {
	const [parsed] = parse(text);
	return (
		parsed?.is === 'fault' &&
		parsed.fault.device === undefined &&
		parsed.fault.by === 'Linux' &&
		/^(IO|RMP)_PAGE_FAULT$/.test(parsed.fault.name)
	);
}
