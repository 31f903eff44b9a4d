// What one message says: a word in it tells which readers to try.

import {type Parsed as AmdviParsed, amdviLine} from './amdvi-lines.js';
import type {Parsed as OtherParsed} from './families/format.js';
import {FORMATS} from './families/index.js';
import {type Parsed as FreebsdParsed, freebsdLine} from './freebsd-lines.js';
import {looksLikeTrouble, noticeOf} from './notices.js';
import {type Parsed as QemuParsed, qemuLine} from './qemu-lines.js';
import {type Parsed as VtdParsed, vtdLine} from './vtd-lines.js';
import {isXen, xenLine} from './xen-lines.js';

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

export function wholenessOf(text: string): Wholeness {
	const parsed = parse(text);
	if (parsed.length === 0) return 'none';
	if (parsed.some(({is}) => is === 'not understood' || is === 'opened')) return 'broken';
	if (parsed.some(each => each.is === 'open' || (each.is === 'fault' && lacksDevice(each.fault))))
		return 'part';
	return 'whole';
}

/** Linux's page faults name their device before the message: in the line before, where a mail's line ends there. */
const lacksDevice = (fault: {device?: unknown; by: string; name: string; family: string}): boolean =>
	fault.family === 'amd-vi' &&
	fault.by === 'Linux' &&
	fault.name === 'IO_PAGE_FAULT' &&
	fault.device === undefined;
