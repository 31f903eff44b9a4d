// FreeBSD's messages. dmar(4), in dmar_fault_task (sys/x86/iommu/intel_fault.c):
//   DMAR0: em0: pci0:25:0 sid c8 fault acc 1 adt 0x0 reason 0x6 addr ffff000
// vmm's amdvi, in amdvi_decode_evt (sys/amd64/vmm/amd/amdvi_hw.c), on the line after the one that names the ivhd:
//   	[IO_PAGE_FAULT EVT: devId:0x28 DomId:0x0 Addr:0xffff000 0x31<GN,PR,RW>]
// amdiommu(4), in amdiommu_event_log_print (sys/x86/iommu/amd_event.c), an event's four words and then some lines:
//   amdiommu0: event type 0x2 0x00000028 0x20300001 0x0ffff000 0x00000000

import {parseHalves} from '../../formats/address.js';
import {decodeEvent, EVENT, eventName, FLAG} from '../../formats/amdvi.js';
import {ridBus} from '../../formats/pci.js';
import {isInterrupt} from '../../formats/vtd-reasons.js';
import {accessOf, contextOf, kindOf} from './amdvi-lines.js';
import {type LoggedFault, type Reading, ridDevice} from './fault.js';

/** `name`: the device's name, on the line after the event. */
export type Parsed = Reading | {readonly is: 'name'; readonly rid: number; readonly name: string};

const DMAR =
	/DMAR\d+: (?:([a-z]\w*\d+): ?|<unknown dev>: ?)pci(\d{1,3}):(\d{1,2}):(\d{1,3}) sid ([0-9a-f]{1,4}) fault acc ([01]) adt 0x[0-3] reason 0x([0-9a-f]{1,2}) addr ([0-9a-f]{1,16})\s*$/;
const DMAR_STATUS =
	/DMAR\d+: (Invalidation timed out|Invalidation completion error|Invalidation queue error|Fault Overflow|Advanced fault overflow)\s*$/;
const EVT =
	/\[(IO_PAGE_FAULT|DEV_TAB_HW_ERR|PAGE_TAB_HW_ERR) EVT: devId:0x([0-9a-f]{1,4}) DomId:0x([0-9a-f]{1,4}) Addr:0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,3})(?:<[A-Z,]*>)?\]/;
const TIMEOUT = /\[IOTLB_INV_TIMEOUT devid:0x([0-9a-f]{1,4}) addr:0x([0-9a-f]{1,16})\]/;
const REQUEST = /\[INV_DTE devid:0x([0-9a-f]{1,4}) addr:0x([0-9a-f]{1,16}) type:0x([0-7]) tr:([01])\]/;
const COMMAND = /\[(ILLEGAL CMD|CMD HW ERR) EVT\]/;
const GENERIC =
	/amdiommu\d+: event type 0x([0-9a-f]) 0x([0-9a-f]{8}) 0x([0-9a-f]{8}) 0x([0-9a-f]{8}) 0x([0-9a-f]{8})\s*$/;
const NAME = /^\s*Page Fault rid (?:0x)?([0-9a-f]{1,4}) dom \d+ ([a-z]\w*\d+)\s*$/;
const OVERFLOW = /amdiommu\d+: event log overflow/;
const LIKE =
	/DMAR\d+: .*(?:fault acc|reason 0x)|EVT: devId|amdiommu\d+: event type|\[(?:INV_DTE|IOTLB_INV_TIMEOUT) devid/;

/** The specification's names (48882) for FreeBSD's own. */
const SPECIFIED: Readonly<Record<string, string>> = {
	DEV_TAB_HW_ERR: 'DEV_TAB_HARDWARE_ERROR',
	PAGE_TAB_HW_ERR: 'PAGE_TAB_HARDWARE_ERROR',
	'ILLEGAL CMD': 'ILLEGAL_COMMAND_ERROR',
	'CMD HW ERR': 'COMMAND_HARDWARE_ERROR',
};

/** What a message says, if it is one of these. */
export function freebsdLine(text: string, time?: number): Parsed[] {
	const dmar = DMAR.exec(text);
	if (dmar) return [dmarOf(text, dmar, time)];
	const status = DMAR_STATUS.exec(text);
	if (status) {
		if (/overflow/i.test(status[1])) return [{is: 'overflow'}];
		return [fault({family: 'vt-d', kind: 'invalidation', name: status[1], time})];
	}
	const event = EVT.exec(text);
	if (event) return [eventOf(text, event, time)];
	const generic = GENERIC.exec(text);
	if (generic) return [genericOf(text, generic, time)];
	const name = NAME.exec(text);
	if (name) return [{is: 'name', rid: Number.parseInt(name[1], 16), name: name[2]}];
	if (OVERFLOW.test(text)) return [{is: 'overflow'}];
	return rarer(text, time);
}

function rarer(text: string, time?: number): Parsed[] {
	const command = COMMAND.exec(text);
	if (command) {
		const name = SPECIFIED[command[1]];
		return [fault({family: 'amd-vi', kind: kindOf(name), name, time})];
	}
	const timeout = TIMEOUT.exec(text);
	const request = timeout ?? REQUEST.exec(text);
	const address = request === null ? undefined : parseHalves(request[2]);
	if (request !== null && address !== undefined) {
		const name = timeout ? 'IOTLB_INV_TIMEOUT' : 'INVALID_DEVICE_REQUEST';
		// The event's flags: the type in bits 11:9, TR in bit 8.
		const flags = timeout ? undefined : (Number(request[3]) << 9) | (request[4] === '1' ? FLAG.TR : 0);
		const device = ridDevice(request[1]);
		return [fault({family: 'amd-vi', kind: kindOf(name), name, device, address, flags, time})];
	}
	return LIKE.test(text) ? [{is: 'not understood', line: text}] : [];
}

const fault = (parts: Omit<LoggedFault, 'by'>): Reading => ({
	is: 'fault',
	fault: {by: 'FreeBSD', ...parts},
	times: 1,
});

function dmarOf(text: string, match: RegExpExecArray, time?: number): Reading {
	const [, name, bus, slot, fn, sid, acc, reason, addr] = match;
	const device = ridDevice(sid);
	const address = parseHalves(addr);
	// With ARI the slot is 0 and the function has eight bits.
	const devfn = Number(slot) === 0 ? Number(fn) : (Number(slot) << 3) | Number(fn);
	const same = Number(bus) === ridBus(device.rid) && devfn === (device.rid & 0xff);
	if (!same || address === undefined) return {is: 'not understood', line: text};
	const number = Number.parseInt(reason, 16);
	const interrupt = isInterrupt(number);
	return fault({
		family: 'vt-d',
		kind: interrupt ? 'interrupt' : 'access',
		name: 'fault',
		device,
		driver: name,
		// Bits 63:48 of an interrupt's record are its index (VT-d 11.4.14.1).
		...(interrupt ? {index: address.hi >>> 16} : {access: acc === '1' ? 'read' : 'write', address}),
		reason: number,
		time,
	});
}

function eventOf(text: string, match: RegExpExecArray, time?: number): Reading {
	const [, printed, devId, domId, addr, bits] = match;
	const name = SPECIFIED[printed] ?? printed;
	const address = parseHalves(addr);
	if (address === undefined) return {is: 'not understood', line: text};
	const flags = Number.parseInt(bits, 16);
	return fault({
		family: 'amd-vi',
		kind: kindOf(name, flags),
		name,
		device: ridDevice(devId),
		access: accessOf(name, flags),
		address,
		flags,
		...contextOf(flags, Number.parseInt(domId, 16)),
		// amdvi_decode_inv_dte_evt prints the page fault's name for an illegal device table entry too.
		detail: name === 'IO_PAGE_FAULT' ? 'FreeBSD prints this name for ILLEGAL_DEV_TABLE_ENTRY too' : undefined,
		time,
	});
}

function genericOf(text: string, match: RegExpExecArray, time?: number): Reading {
	const code = Number.parseInt(match[1], 16);
	const [w0, w1, w2, w3] = match.slice(2).map(word => Number.parseInt(word, 16));
	const {type, flags, rid, domain} = decodeEvent(w0, w1, w2, w3);
	if (type !== code) return {is: 'not understood', line: text};
	const name = eventName(type);
	if (name === undefined) return fault({family: 'amd-vi', kind: 'unknown', name: `event ${type}`, time});
	const kind = kindOf(name, flags);
	const ofDevice = type !== EVENT.COMMAND_HARDWARE_ERROR && kind !== 'command' && kind !== 'unknown';
	return fault({
		family: 'amd-vi',
		kind,
		name,
		device: ofDevice ? {rid} : undefined,
		access: accessOf(name, flags),
		address: {lo: w2, hi: w3},
		flags,
		...(type === EVENT.IO_PAGE_FAULT ? contextOf(flags, domain) : {}),
		time,
	});
}
