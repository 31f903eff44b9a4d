// Xen's messages, in xl dmesg or on its console. VT-d's (xen/drivers/passthrough/vtd/iommu.c) have a second line with the
// reason in hexadecimal:
//   (XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 8e480000, iommu reg = ffff82c00021d000   to 4.8
//   (XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 8e480000
//   (XEN) [VT-D]DMAR: reason 06 - PTE Read access is not set
//   (XEN) DMAR:[fault reason 06h] PTE Read access is not set                                            to 4.5
// AMD-Vi's (xen/drivers/passthrough/amd/iommu_init.c) have one line:
//   (XEN) AMD-Vi: IO_PAGE_FAULT: domain = 0, device id = 0x2600, fault address = 0xfffffffdf8000000, flags = 0x8  to 4.12
//   (XEN) AMD-Vi: IO_PAGE_FAULT: 0000:00:13.1 d0 addr 00000000000eb380 flags 0x20 RW

import {parseHalves} from '../../formats/address.js';
import {decodeEvent, eventName} from '../../formats/amdvi.js';
import {accessOf, contextOf, kindOf} from './amdvi-lines.js';
import {type LoggedFault, loggedDevice, type Reading, ridDevice} from './fault.js';
import type {Parsed} from './vtd-lines.js';

const BDF = String.raw`(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])`;
const REGISTERS = String.raw`(?:, iommu reg = [0-9a-f]{16})?\s*$`;
const DMA = new RegExp(
	String.raw`DMAR:\[DMA (Read|Write)\] Request device \[${BDF}\] fault addr ([0-9a-f]{1,16})${REGISTERS}`,
);
const INTERRUPT = new RegExp(
	String.raw`INTR-REMAP: Request device \[${BDF}\] fault index ([0-9a-f]{1,4})${REGISTERS}`,
);
const REASON = /(DMAR|INTR-REMAP):(?: reason ([0-9a-f]{2}) -|\[fault reason ([0-9a-f]{2})h\]) (\S.*)$/;
const PAGE_FAULT = new RegExp(
	String.raw`AMD-Vi: IO_PAGE_FAULT: ${BDF} d(\d{1,5}) addr ([0-9a-f]{16}) flags (0x[0-9a-f]{1,3}|0)(?: [A-Z?]{1,2})*\s*$`,
);
const OLD_PAGE_FAULT =
	/AMD-Vi: IO_PAGE_FAULT: domain = (\d{1,5}), device id = 0x([0-9a-f]{4}), fault address = 0x([0-9a-f]{1,16})(?:, flags = (0x[0-9a-f]{1,3}|0))?\s*$/;
/** The events that Xen names and prints as four words (parse_event_log_entry), and VT-d's status (iommu_fault_status). */
const EVENT_WORDS =
	/(ILLEGAL_DEV_TABLE_ENTRY|DEV_TABLE_HW_ERROR|PAGE_TABLE_HW_ERROR|ILLEGAL_COMMAND_ERROR|COMMAND_HW_ERROR|IOTLB_INV_TIMEOUT|INVALID_DEV_REQUEST) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8})(?![0-9a-f])/;
const STATUS =
	/iommu_fault_status: (Fault Overflow|Advanced Fault Overflow|Primary Pending Fault|Advanced Pending Fault|Invalidation (?:Queue|Completion|Time-out) Error)/;
/** Any of Xen's messages. */
const XEN =
	/\[VT-D\]|fault reason [0-9a-f]{2}h\]|AMD-Vi: IO_PAGE_FAULT: |iommu_fault_status: |_(?:ENTRY|ERROR|TIMEOUT|REQUEST) [0-9a-f]{8} [0-9a-f]{8} /;
const LIKE = /Request device|fault addr|fault reason|: reason |IO_PAGE_FAULT/;

export const isXen = (text: string): boolean => XEN.test(text);

/** What a message says, if it is one of these. */
export function xenLine(text: string, time?: number): Parsed[] {
	const dma = DMA.exec(text);
	if (dma) {
		const [, access, segment, bus, slot, fn, addr] = dma;
		const [device, address] = [loggedDevice(segment, bus, slot, fn), parseHalves(addr)];
		if (device === undefined || address === undefined) return [{is: 'not understood', line: text}];
		const direction = access === 'Read' ? 'read' : 'write';
		return [
			{
				is: 'open',
				fault: vtd({kind: 'access', name: `DMA ${access}`, device, access: direction, address, time}),
			},
		];
	}
	const interrupt = INTERRUPT.exec(text);
	if (interrupt) {
		const [, segment, bus, slot, fn, index] = interrupt;
		const device = loggedDevice(segment, bus, slot, fn);
		if (device === undefined) return [{is: 'not understood', line: text}];
		const at = Number.parseInt(index, 16);
		return [{is: 'open', fault: vtd({kind: 'interrupt', name: 'INTR-REMAP', device, index: at, time})}];
	}
	const reason = REASON.exec(text);
	if (reason) {
		const number = Number.parseInt(reason[2] ?? reason[3], 16);
		return [{is: 'reason', reason: number, words: reason[4].trim(), interrupt: reason[1] === 'INTR-REMAP'}];
	}
	const fault = PAGE_FAULT.exec(text);
	if (fault) {
		const [, segment, bus, slot, fn, domain, addr, flags] = fault;
		return [pageFault(text, loggedDevice(segment, bus, slot, fn), domain, addr, flags, time)];
	}
	const rare = rarer(text, time);
	if (rare !== undefined) return [rare];
	const old = OLD_PAGE_FAULT.exec(text);
	if (old) return [pageFault(text, ridDevice(old[2]), old[1], old[3], old[4], time)];
	return LIKE.test(text) ? [{is: 'not understood', line: text}] : [];
}

function rarer(text: string, time?: number): Reading | undefined {
	const status = STATUS.exec(text);
	if (status) {
		if (status[1].endsWith('Overflow')) return {is: 'overflow'};
		if (status[1].endsWith('Fault')) return {is: 'status'};
		return {is: 'fault', fault: vtd({kind: 'invalidation', name: status[1], time}), times: 1};
	}
	const event = EVENT_WORDS.exec(text);
	if (!event) return undefined;
	const [w0, w1, w2, w3] = event.slice(2).map(word => Number.parseInt(word, 16));
	const {type, flags, rid} = decodeEvent(w0, w1, w2, w3);
	const name = eventName(type);
	if (name === undefined) return {is: 'not understood', line: text};
	const kind = kindOf(name, flags);
	const fault: LoggedFault = {
		family: 'amd-vi',
		by: 'Xen',
		kind,
		name,
		device: /COMMAND/.test(name) ? undefined : {rid},
		address: {lo: w2 >>> 0, hi: w3 >>> 0},
		flags,
		time,
	};
	return {is: 'fault', fault, times: 1};
}

const vtd = (parts: Omit<LoggedFault, 'family' | 'by'>): LoggedFault => ({
	family: 'vt-d',
	by: 'Xen',
	...parts,
});

function pageFault(
	line: string,
	device: LoggedFault['device'],
	domain: string,
	addr: string,
	digits: string | undefined,
	time?: number,
): Reading {
	const address = parseHalves(addr);
	if (device === undefined || address === undefined) return {is: 'not understood', line};
	const name = 'IO_PAGE_FAULT';
	const flags = digits === undefined ? undefined : Number(digits);
	const fault: LoggedFault = {
		family: 'amd-vi',
		by: 'Xen',
		kind: kindOf(name, flags),
		name,
		device,
		access: flags === undefined ? undefined : accessOf(name, flags),
		address,
		flags,
		...contextOf(flags, Number(domain)),
		time,
	};
	return {is: 'fault', fault, times: 1};
}
