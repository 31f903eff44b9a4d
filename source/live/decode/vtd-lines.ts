// Linux's VT-d messages (drivers/iommu/intel/dmar.c), from 2.6.3x to 7.x:
//
//   DMAR:[DMA Read] Request device [05:00.0] fault addr ffff000     a second line has the reason, in decimal
//   DMAR:[fault reason 06] PTE Read access is not set
//   DMAR: [DMA Read] Request device [05:00.0] fault addr ffff000 [fault reason 06] …         from 4.6, decimal
//   DMAR: [DMA Read] Request device [05:00.0] PASID ffffffff fault addr ffff000 [fault reason 06] …    from 5.1
//   DMAR: [DMA Read NO_PASID] Request device [0x05:0x00.0] fault addr 0xffff000 [fault reason 0x06] …    from 5.14
//   DMAR: [DMA Read NO_PASID] Request device [05:00.0] fault addr 0xffff000 [fault reason 0x06] …        from 5.18
//   DMAR: [DMA Read NO_PASID] Request device [0000:05:00.0] fault addr …                                 from 7.x
//
// Without 0x an address is hexadecimal and a reason decimal.

import {parseHalves} from '../../formats/address.js';
import {FSTS_ICE, FSTS_IQE, FSTS_ITE, FSTS_PFO} from '../../formats/vtd.js';
import {FIRST_INTERRUPT, faultText, isInterrupt} from '../../formats/vtd-reasons.js';
import {deviceText, type LoggedFault, loggedDevice, type Reading, ridDevice} from './fault.js';

/** What a line says. `open`: a fault whose reason is on the next line. */
export type Parsed = Reading | {readonly is: 'open'; readonly fault: LoggedFault} | ReasonLine;
type ReasonLine = {
	readonly is: 'reason';
	readonly reason: number;
	readonly words: string;
	readonly interrupt: boolean;
};

const DEVICE = String.raw`\[\[?(?:([0-9a-f]{4}):)?(?:0x)?([0-9a-f]{2}):(?:0x)?([0-9a-f]{2})\.([0-7])\]`;
const DMA = new RegExp(
	String.raw`\[DMA (Read|Write)(?: +NO_PASID| PASID 0x([0-9a-f]{1,8}))?\] Request device ${DEVICE}(?: PASID ([0-9a-f]{1,8}))? fault addr (?:0x)?([0-9a-f]{1,16})(?=$|[\s,;"'])(.*)$`,
);
const INTERRUPT = new RegExp(
	String.raw`INTR-REMAP(?:\]|:) Request device ${DEVICE} fault index (?:0x)?([0-9a-f]{1,4})(?=$|[\s,;"'])(.*)$`,
);
const REASON =
	/^(?:[\s,;"'`>|)\]}]|\\[nrt]|DMAR:|dmar:|INTR-REMAP:)*\[fault reason (0x[0-9a-f]{1,2}|\d{2,3})\](?:\s(.*))?$/;
/** Quotes and brackets after a message, where something else contains it. */
const NOTHING = /^(?:\\[nrt]|[\s)\]}*_|>;,\u2500-\u257f])*(?:["'`].*)?$/;
const REASON_LINE =
	/(?:^|[\s>|:;,"'=)\]])(?:(DMAR|INTR-REMAP):)\s*\[fault reason (0x[0-9a-f]{1,2}|\d{2,3})\](?:\s(.*))?$/;
const STATUS = /DRHD: handling fault status reg ([0-9a-f]{1,8})\b/;
const QUEUE =
	/VT-d detected (Invalidation (?:Queue|Time-out|Completion) Error): (Reason|SID) ([0-9a-f]{1,4})(?=\s|$)/;
const QUEUE_ENTRY = /QI (HEAD|PRIOR): ([\w -]+?) qw0 = 0x([0-9a-f]{1,16}), qw1 = 0x([0-9a-f]{1,16})/;
/** The end of dmar_fault_dump_ptes. */
const DUMP = /DMAR: ((?:[a-z ]+ )?(?:table|entry|PTE) (?:is )?not present(?: at level \d)?)\s*$/;
/** Something of a fault, whatever else it is. */
const LIKE =
	/Request device|\[DMA (?:Read|Write)|(?:DMAR|\]).*fault addr |fault reason|VT-d detected Inv|INTR-REMAP(?:\]|:)/;

/** The three errors of the invalidation queue, as bits of the fault status register. */
const ERRORS: readonly (readonly [bit: number, name: string])[] = [
	[FSTS_IQE, 'Invalidation Queue Error'],
	[FSTS_ICE, 'Invalidation Completion Error'],
	[FSTS_ITE, 'Invalidation Time-out Error'],
];
const NO_PASID = 0xffffffff;

/** What a message says, if it is one of these. */
export function vtdLine(text: string, time?: number): Parsed[] {
	const dma = DMA.exec(text);
	if (dma) return [accessOf(text, dma, time)];
	const interrupt = INTERRUPT.exec(text);
	if (interrupt) return [interruptOf(text, interrupt, time)];
	const reason = REASON_LINE.exec(text);
	if (reason) {
		const number = reasonOf(reason[2]);
		if (number === undefined) return [{is: 'not understood', line: text}];
		return [
			{is: 'reason', reason: number, words: (reason[3] ?? '').trim(), interrupt: reason[1] === 'INTR-REMAP'},
		];
	}
	const status = STATUS.exec(text);
	if (status) return statusOf(Number.parseInt(status[1], 16), time);
	const queue = QUEUE.exec(text);
	if (queue) return [queueOf(queue, time)];
	const entry = QUEUE_ENTRY.exec(text);
	if (entry) return [{is: 'detail', text: entryWords(entry)}];
	const dump = DUMP.exec(text);
	if (dump) return [{is: 'detail', text: `the kernel’s own walk: ${dump[1]}`}];
	return LIKE.test(text) ? [{is: 'not understood', line: text}] : [];
}

function accessOf(text: string, match: RegExpExecArray, time?: number): Parsed {
	const [, access, newPasid, segment, bus, slot, fn, oldPasid, digits, rest] = match;
	const device = loggedDevice(segment, bus, slot, fn);
	const address = parseHalves(digits);
	const pasid = Number.parseInt(newPasid ?? oldPasid ?? 'ffffffff', 16);
	if (device === undefined || address === undefined) return {is: 'not understood', line: text};
	return withReason(text, rest, {
		family: 'vt-d',
		by: 'Linux',
		kind: 'access',
		name: `DMA ${access}`,
		device,
		access: access === 'Read' ? 'read' : 'write',
		address,
		pasid: pasid === NO_PASID ? undefined : pasid,
		time,
	});
}

function interruptOf(text: string, match: RegExpExecArray, time?: number): Parsed {
	const [, segment, bus, slot, fn, index, rest] = match;
	const device = loggedDevice(segment, bus, slot, fn);
	if (device === undefined) return {is: 'not understood', line: text};
	return withReason(text, rest, {
		family: 'vt-d',
		by: 'Linux',
		kind: 'interrupt',
		name: 'INTR-REMAP',
		device,
		index: Number.parseInt(index, 16),
		time,
	});
}

/** Adds the reason from the rest of the line, where it is there. */
function withReason(text: string, rest: string, fault: LoggedFault): Parsed {
	if (NOTHING.test(rest)) return {is: 'open', fault};
	const match = REASON.exec(rest);
	const reason = match === null ? undefined : reasonOf(match[1]);
	if (match === null || reason === undefined) return {is: 'not understood', line: text};
	return {is: 'fault', fault: reasoned(fault, reason, (match[2] ?? '').trim()), times: 1};
}

/** Linux prints interrupt reasons without words (from 0x27) as DMA faults: the index is in bits 63:48. */
export function reasoned(fault: LoggedFault, reason: number, words: string): LoggedFault {
	const standard = faultText(reason);
	// Other text may follow in the same line: Xen names the unit, and pastes run lines together.
	const own = standard !== undefined && words.startsWith(standard) ? standard : words;
	const whole = {...fault, reason, words: own === '' ? undefined : own};
	if (fault.kind !== 'access' || !isInterrupt(reason)) return whole;
	const index = (fault.address?.hi ?? 0) >>> 16;
	return {...whole, kind: 'interrupt', index, access: undefined, address: undefined};
}

function reasonOf(digits: string): number | undefined {
	const reason = digits.startsWith('0x') ? Number.parseInt(digits, 16) : Number(digits);
	return reason <= 0xff ? reason : undefined;
}

/** Whether a reason fits a fault: interrupts have their own reasons. */
export const fits = ({kind}: LoggedFault, {interrupt, reason}: ReasonLine): boolean =>
	(kind === 'interrupt') === interrupt && (kind !== 'interrupt' || reason >= FIRST_INTERRUPT);

function statusOf(status: number, time?: number): Reading[] {
	const errors = ERRORS.filter(([bit]) => status & bit).map(([, name]): Reading => {
		return {is: 'fault', fault: {family: 'vt-d', by: 'Linux', kind: 'invalidation', name, time}, times: 1};
	});
	const handled: Reading[] = [{is: 'status'}, ...errors];
	return status & FSTS_PFO ? [{is: 'overflow'}, ...handled] : handled;
}

function queueOf([, name, what, hex]: RegExpExecArray, time?: number): Reading {
	const number = Number.parseInt(hex, 16);
	// Older hardware has no such register: it reads as all zeros or all ones.
	const device = what === 'SID' && number !== 0 && number !== 0xffff ? ridDevice(hex) : undefined;
	const detail = what === 'Reason' ? queueReason(number) : undefined;
	return {
		is: 'fault',
		fault: {family: 'vt-d', by: 'Linux', kind: 'invalidation', name, device, detail, time},
		times: 1,
	};
}

/** IQEI of the invalidation queue error record (VT-d 11.4.9.9). */
const QUEUE_REASONS = [
	'the hardware does not say why',
	'the tail pointer is invalid',
	'a descriptor could not be read',
	'a descriptor has an unknown type',
	'reserved bits are set in a descriptor',
	'the descriptor width is set wrongly',
];

function queueReason(code: number): string {
	const text = `the queue's error code is 0x${code.toString(16)}`;
	if (code === 0xf) return `${text}: the register reads as all ones, so the IOMMU may be off or gone`;
	return QUEUE_REASONS[code] === undefined ? text : `${text}: ${QUEUE_REASONS[code]}`;
}

function entryWords([, place, type, qw0]: RegExpExecArray): string {
	const where = place === 'HEAD' ? 'the queue is at' : 'the entry before it';
	const word = parseHalves(qw0);
	// A device-TLB invalidation names the device in bits 47:32 of its first word (6.5.2.5).
	if (type !== 'Device-TLB Invalidation' || word === undefined) return `${where}: ${type}`;
	return `${where}: ${type} of ${deviceText({rid: word.hi & 0xffff})}`;
}
