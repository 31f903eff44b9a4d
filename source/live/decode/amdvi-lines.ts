// Linux's AMD-Vi messages (drivers/iommu/amd/iommu.c), from 2.6.3x to 7.x:
//
//   AMD-Vi: Event logged [IO_PAGE_FAULT device=07:00.0 domain=0x000f address=0x00000000fffc0000 flags=0x0000]
//   AMD-Vi: Event logged [                                          4.9 to 4.17, whose printk breaks the line here
//   IO_PAGE_FAULT device=07:00.0 domain=0x000f address=0x00000000fffc0000 flags=0x0000]
//   vfio-pci 0000:07:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000f address=0xfffc0000 flags=0x0000]
//   iommu ivhd0: AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:07:00.0 pasid=0x00000 address=0x… flags=0x…]

import {type Halves, hexHalves, parseHalves} from '../../formats/address.js';
import {eventName, FLAG} from '../../formats/amdvi.js';
import {decodeDte} from '../../formats/amdvi-tables.js';
import {type Kind, type LoggedDevice, type LoggedFault, loggedDevice, type Reading} from './fault.js';

/** `opened`: the first half of a broken line. `device`: the second line of a fault that names its device separately. */
export type Parsed =
	| Reading
	| {readonly is: 'opened'}
	| {readonly is: 'unattached'; readonly time?: number}
	| {readonly is: 'device'; readonly device: LoggedDevice; readonly domain: number}
	| {readonly is: 'entry'; readonly index: number; readonly value: Halves};

/** The kind of each event, and the fields that every kernel prints. */
const EVENTS: Readonly<Record<string, {kind: Kind; fields: readonly string[]}>> = {
	ILLEGAL_DEV_TABLE_ENTRY: {kind: 'device entry', fields: ['device', 'address', 'flags']},
	IO_PAGE_FAULT: {kind: 'access', fields: ['domain', 'address', 'flags']},
	DEV_TAB_HARDWARE_ERROR: {kind: 'hardware', fields: ['device', 'address', 'flags']},
	PAGE_TAB_HARDWARE_ERROR: {kind: 'hardware', fields: ['device', 'address', 'flags']},
	ILLEGAL_COMMAND_ERROR: {kind: 'command', fields: ['address']},
	COMMAND_HARDWARE_ERROR: {kind: 'hardware', fields: ['address', 'flags']},
	IOTLB_INV_TIMEOUT: {kind: 'invalidation', fields: ['device', 'address']},
	INVALID_DEVICE_REQUEST: {kind: 'device request', fields: ['device', 'address', 'flags']},
	INVALID_PPR_REQUEST: {kind: 'page request', fields: ['device', 'address', 'flags']},
	RMP_PAGE_FAULT: {kind: 'ownership', fields: ['gpa', 'flags']},
	RMP_HW_ERROR: {kind: 'hardware', fields: ['spa', 'flags']},
};

const NAMES = Object.keys(EVENTS).join('|');
const EVENT_LINE = new RegExp(String.raw`(?:^|\[|\s)(${NAMES})((?:,? \w+=[\w:.]+)+)\]`);
const BDF = String.raw`(?:([0-9a-f]{4}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])`;
const DEVICE = new RegExp(`^${BDF}$`);
/** dev_err's driver and function before a message about that function. */
const OWN_DEVICE =
	/(?:^|[^\w-])([\w-]+) ([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7]): (?:AMD-Vi: )?Event logged \[/;
const OPENED = /AMD-Vi: Event logged(?: \[)?\s*$/;
const UNKNOWN =
	/(?:Event logged \[|AMD-Vi: )UNKNOWN (?:type=(0x[0-9a-f]{1,2})\]|(event\[0\]=0x[0-9a-f]{8} event\[1\]=(0x[0-9a-f]{8}) event\[2\]=0x[0-9a-f]{8} event\[3\]=0x[0-9a-f]{8}))/;
const UNATTACHED = /Event logged \[Device not attached to domain properly\]/;
const APART = new RegExp(String.raw`^(?:AMD-Vi:)?\s+device=${BDF} domain=0x([0-9a-f]{1,5})\s*$`);
const ENTRY = /AMD-Vi: DTE\[([01])\]: ([0-9a-f]{16})\s*$/;
/** From 6.17 with the unit's number. */
const TIMED_OUT = /(?:AMD-Vi|IOMMU ([0-9a-f:.]+)): Completion-Wait loop timed out/;
const RESTARTED = /AMD-Vi: .*\bevent log(?: overflow| restarting|ging)/i;
const LIKE = new RegExp(String.raw`Event logged \[|(?:^|\s)(?:${NAMES}) \w+=`);

/** What a message says, if it is one of these. */
export function amdviLine(text: string, time?: number): Parsed[] {
	const event = EVENT_LINE.exec(text);
	if (event) return [eventOf(text, event, time)];
	if (OPENED.test(text)) return [{is: 'opened'}];
	const unknown = UNKNOWN.exec(text);
	if (unknown) {
		const [, type, words, second] = unknown;
		const code = type === undefined ? Number(second) >>> 28 : Number(type);
		const named = eventName(code);
		const printed = words ?? `type ${type}`;
		const detail = named === undefined ? printed : `${printed}: its number means ${named}`;
		return [fault({kind: 'unknown', name: 'UNKNOWN', detail, time})];
	}
	if (UNATTACHED.test(text)) return [{is: 'unattached', time}];
	const apart = APART.exec(text);
	if (apart) {
		const device = loggedDevice(apart[1], apart[2], apart[3], apart[4]);
		return device === undefined ? [] : [{is: 'device', device, domain: Number.parseInt(apart[5], 16)}];
	}
	const entry = ENTRY.exec(text);
	if (entry) {
		const value = parseHalves(entry[2]);
		return value === undefined ? [] : [{is: 'entry', index: Number(entry[1]), value}];
	}
	const timeout = TIMED_OUT.exec(text);
	if (timeout)
		return [fault({kind: 'invalidation', name: 'Completion-Wait loop timed out', unit: timeout[1], time})];
	if (RESTARTED.test(text)) return [{is: 'overflow'}];
	return LIKE.test(text) ? [{is: 'not understood', line: text}] : [];
}

const fault = (parts: Omit<LoggedFault, 'family' | 'by'>): Reading => ({
	is: 'fault',
	fault: {family: 'amd-vi', by: 'Linux', ...parts},
	times: 1,
});

function eventOf(text: string, [, name, list]: RegExpExecArray, time?: number): Reading {
	const fields = new Map<string, string>();
	for (const field of list.matchAll(/(\w+)=([\w:.]+)/g)) fields.set(field[1], field[2]);
	const {fields: needed} = EVENTS[name];
	const own = /^(IO_PAGE_FAULT|RMP_)/.test(name) ? ownDevice(text) : undefined;
	const device = fields.has('device') ? deviceOf(fields.get('device')) : own?.device;
	const address = halvesOf(fields.get('address') ?? fields.get('gpa') ?? fields.get('spa'));
	const [flags, domain, pasid] = ['flags', 'domain', 'pasid'].map(each => numberOf(fields.get(each)));
	const wrong =
		needed.some(each => !fields.has(each)) ||
		(fields.has('device') && device === undefined) ||
		address === undefined ||
		[flags, domain, pasid].some(Number.isNaN) ||
		(flags !== undefined && flags > 0xfff);
	if (wrong) return {is: 'not understood', line: text};
	return fault({
		kind: kindOf(name, flags),
		name,
		device,
		driver: own?.driver,
		access: accessOf(name, flags),
		address,
		flags,
		...contextOf(flags, domain, pasid),
		time,
	});
}

/** With GN the domain field contains a PASID; the PASID field of a request without one is 0. */
export function contextOf(flags = 0, domain?: number, pasid?: number): Pick<LoggedFault, 'domain' | 'pasid'> {
	return flags & FLAG.GN && domain !== undefined ? {pasid: domain} : {domain, pasid: pasid || undefined};
}

/** RW is only defined where the page was present (48882, table 55); hardware sets it correctly otherwise too. */
export function accessOf(name: string, flags = 0): LoggedFault['access'] {
	if (name === 'RMP_PAGE_FAULT') return flags & FLAG.RW ? 'write' : 'read';
	if (name !== 'IO_PAGE_FAULT' || flags & (FLAG.I | FLAG.TR)) return undefined;
	return flags & FLAG.RW ? 'write' : 'read';
}

function ownDevice(text: string): {driver?: string; device: LoggedDevice} | undefined {
	const match = OWN_DEVICE.exec(text);
	if (match === null) return undefined;
	const device = loggedDevice(match[2], match[3], match[4], match[5]);
	// Without a driver, the bus is named instead.
	return device === undefined ? undefined : {device, ...(match[1] === 'pci' ? {} : {driver: match[1]})};
}

function deviceOf(text: string | undefined): LoggedDevice | undefined {
	const match = DEVICE.exec(text ?? '');
	return match === null ? undefined : loggedDevice(match[1], match[2], match[3], match[4]);
}

/** Undefined where the field is missing, NaN where it is not a hexadecimal number of at most 32 bits. */
function numberOf(text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	return /^0x[0-9a-f]{1,8}$/.test(text) ? Number(text) : Number.NaN;
}

const halvesOf = (text: string | undefined): Halves | undefined =>
	text !== undefined && /^0x[0-9a-f]{1,16}$/.test(text) ? parseHalves(text.slice(2)) : undefined;

/** The first two quadwords of a device table entry, which the kernel prints after an event. */
export function entryWords(first: Halves, second: Halves): string {
	const raw = `its device table entry is ${hexHalves(first)} ${hexHalves(second)}`;
	const {valid, translates, levels, domain, read, write, guest} = decodeDte(first.lo, first.hi, second.lo);
	if (!valid) return `${raw}: not valid (V=0), so the device’s DMA is not translated`;
	const host =
		guest === undefined ? (levels === 0 ? 'no table' : `${levels} levels`) : guestTables(levels, guest);
	const tables = translates ? host : 'no table valid (TV=0)';
	const rights = `${read ? 'read' : 'no read'}, ${write ? 'write' : 'no write'}`;
	return `${raw}: domain ${domain}, ${tables}, ${rights}`;
}

/** With GV the device's addresses are translated by guest tables, of which GCR3 holds the root. */
const guestTables = (levels: number, {glx, ppr}: {glx: number; ppr: boolean}): string =>
	`guest tables by GCR3 (GV=1, GLX=${glx}${ppr ? ', PPR=1' : ''})${levels === 0 ? '' : ` over ${levels} levels`}`;

/** I marks a refused interrupt, not DMA. */
export function kindOf(name: string, flags = 0): Kind {
	const kind = EVENTS[name]?.kind ?? 'unknown';
	return kind === 'access' && flags & FLAG.I ? 'interrupt' : kind;
}
