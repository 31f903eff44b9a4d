// VT-d and AMD-Vi as other systems than Linux, FreeBSD, Xen and QEMU print them: illumos (io/immu_intrmap.c,
// io/amd_iommu/amd_iommu_log.c), OpenBSD (dev/acpi/acpidmar.c), macOS (IOPCIFamily's vtd.cpp), ESXi (from its logs; its
// source is not public), jailhouse (hypervisor/arch/x86/vtd.c, amd_iommu.c).

import {decodeEvent, eventName} from '../../../formats/amdvi.js';
import {faultText} from '../../../formats/vtd-reasons.js';
import {accessOf as amdAccessOf, kindOf} from '../amdvi-lines.js';
import {type LoggedFault, loggedDevice} from '../fault.js';
import {accessOf, address, BDF, begun, type Continue, detail, done, type Format} from './format.js';

const access = (by: LoggedFault['by'], fields: Partial<LoggedFault>): LoggedFault => ({
	family: 'vt-d',
	by,
	kind: 'access',
	name: 'fault',
	...fields,
});

const decimal = (bus: string, device: string, fn: string) =>
	Number(bus) > 255 || Number(device) > 31
		? undefined
		: {rid: (Number(bus) << 8) | (Number(device) << 3) | Number(fn)};

/** illumos prints the reason in words alone (immu_dvma_faults, immu_intrmap_faults): their marks, and VT-d's numbers. */
const ILLUMOS: readonly (readonly [RegExp, number])[] = [
	[/present field in root-entry/i, 1],
	[/present field in context-entry/i, 2],
	[/invalid programming of a context-entry/i, 3],
	[/beyond max/i, 4],
	[/Write field in .*page-table entry is Clear/i, 5],
	[/Read field in .*page-table entry is Clear/i, 6],
	[/next level page table/i, 7],
	[/Access the root-entry table/i, 8],
	[/Access the context-entry table/i, 9],
	[/present root-entry/i, 0xa],
	[/present context-entry/i, 0xb],
	[/present page-table entry/i, 0xc],
	[/Translation Type field/i, 0xd],
	[/interrupt_index exceed/i, 0x21],
	[/present field in IRTE is clear/i, 0x22],
	[/intr-remap table address resulted in error/i, 0x23],
	[/reserved field set in IRTE, /i, 0x24],
	[/reserved field set in IRTE/i, 0x20],
	[/Compatibility format/i, 0x25],
	[/verification failure/i, 0x26],
];

const withReason = (fault: LoggedFault, reason: number | undefined): LoggedFault =>
	reason === undefined ? fault : {...fault, reason, words: faultText(reason)};

const illumosReason =
	(fault: LoggedFault): Continue =>
	text => {
		const reason = ILLUMOS.find(([words]) => words.test(text))?.[1];
		return reason === undefined ? undefined : {fault: withReason(fault, reason)};
	};

const ILLUMOS_PLACE = /on (address|index) 0x([0-9a-f]{1,16}) for PCI\((\d{1,3}), (\d{1,2}), ([0-7])\)/;
const illumosPlace =
	(fault: LoggedFault): Continue =>
	text => {
		const place = ILLUMOS_PLACE.exec(text);
		if (!place) return undefined;
		const [, what, digits, bus, device, fn] = place;
		const next: LoggedFault = {
			...fault,
			device: decimal(bus, device, fn),
			...(what === 'index' ? {index: Number.parseInt(digits, 16)} : {address: address(digits)}),
		};
		const rest = text.slice(place.index + place[0].length);
		return illumosReason(next)(rest) ?? {fault: next, next: illumosReason(next)};
	};

/** The lines of a jailhouse report. */
const jailhouseVtd =
	(fault: LoggedFault): Continue =>
	text => {
		const source = /Source Identifier \(bus:dev\.func\): ([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])/.exec(text);
		if (source) {
			const next = {...fault, device: loggedDevice(undefined, source[1], source[2], source[3])};
			return {fault: next, next: jailhouseVtd(next)};
		}
		const reason = /Fault Reason: 0x([0-9a-f]{1,2}) Fault Info: ([0-9a-f]{1,16}) Type ([01])/.exec(text);
		if (!reason) return undefined;
		const full = withReason(
			{...fault, access: accessOf(reason[3] === '0'), address: address(reason[2])},
			Number.parseInt(reason[1], 16),
		);
		return {fault: full};
	};

const jailhouseAmd =
	(base: LoggedFault): Continue =>
	text => {
		const event =
			/EventCode: ([0-9a-f]{1,2}), Operand 1: ([0-9a-f]{1,16}), Operand 2: ([0-9a-f]{1,16})(?![\w?])/.exec(
				text,
			);
		if (event) {
			const [first, second] = [address(event[2]), address(event[3])];
			if (first === undefined || second === undefined) return undefined;
			const {type, flags, rid} = decodeEvent(first.lo, first.hi, second.lo, second.hi);
			const name = eventName(type) ?? `event ${type}`;
			const next: LoggedFault = {
				...base,
				kind: kindOf(name, flags),
				name,
				device: {rid},
				flags,
				access: amdAccessOf(name, flags),
				address: second,
			};
			return {fault: next, next: jailhouseAmd(next)};
		}
		return /DeviceId \(bus:dev\.func\):/.test(text) ? {fault: base} : undefined;
	};

/** ESXi's reason may be in the same line or the next. */
const ESXI_REASON = /Reason = 0x([0-9a-f]{1,2}) -> (\S.*?)\.?\s*$/;
const esxiReason =
	(fault: LoggedFault): Continue =>
	text => {
		const match = ESXI_REASON.exec(text);
		if (!match) return undefined;
		return {fault: {...withReason(fault, Number.parseInt(match[1], 16)), detail: `ESXi says: ${match[2]}`}};
	};

export const OTHER_SYSTEMS: readonly Format[] = [
	{
		of: 'immu_intr_handler',
		word: 'generated a fault event',
		pattern: /generated a fault event when translating (?:DMA (read|write)|interrupt request)/,
		read: ([, type], {after, time}) => {
			const base = access(
				'illumos',
				type === undefined
					? {kind: 'interrupt', name: 'interrupt request', time}
					: {name: `DMA ${type}`, access: accessOf(type === 'write'), time},
			);
			const same = illumosPlace(base)(after);
			return same === undefined
				? begun(base, illumosPlace(base))
				: same.next === undefined
					? done(same.fault)
					: begun(same.fault, same.next);
		},
	},
	{
		of: 'io_page_fault of amd_iommu_log.c',
		word: 'IO Page Fault. deviceid=',
		pattern:
			/IO Page Fault\. deviceid=(\d{1,5}), (Translation|Transaction) request, ([\w -]+), (did not have|had) permissions, (Write|Read) transaction, (Page present or Interrupt Remapped|Page not present or Interrupt Blocked), (Interrupt|Memory) request, domainid=(\d{1,5}), virtual address = (?:0x)?([0-9a-f]{1,16})(?![\w?])/,
		read: ([, id, request, , permissions, type, present, target, domain, at], {time}) => {
			const flags =
				(request === 'Translation' ? 0x100 : 0) |
				(permissions === 'had' ? 0 : 0x40) |
				(type === 'Write' ? 0x20 : 0) |
				(present.startsWith('Page present') ? 0x10 : 0) |
				(target === 'Interrupt' ? 8 : 0);
			return done({
				family: 'amd-vi',
				by: 'illumos',
				kind: kindOf('IO_PAGE_FAULT', flags),
				name: 'IO_PAGE_FAULT',
				device: {rid: Number(id) & 0xffff},
				access: amdAccessOf('IO_PAGE_FAULT', flags),
				address: address(at),
				flags,
				domain: Number(domain),
				time,
			});
		},
	},
	{
		of: 'the other events of amd_iommu_log.c',
		word: 'deviceid',
		pattern:
			/idx = \d+\. (?:deviceid ?= ?(\d{1,5}) )?(Illegal device table entry|Device Table HW Error|Page Table HW Error|IOTLB invalidation Timeout|Illegal Device Request)\b[^=]*?(?:deviceid=(\d{1,5}))?,? (.*?)(?:virtual|physical|command physical|accessed)?\s*(?:address|accessed) = (?:0x)?([0-9a-f]{1,16})(?![\w?])/,
		read: ([, first, what, second, , at], {time}) => {
			const name = {
				'Illegal device table entry': 'ILLEGAL_DEV_TABLE_ENTRY',
				'Device Table HW Error': 'DEV_TAB_HARDWARE_ERROR',
				'Page Table HW Error': 'PAGE_TAB_HARDWARE_ERROR',
				'IOTLB invalidation Timeout': 'IOTLB_INV_TIMEOUT',
				'Illegal Device Request': 'INVALID_DEVICE_REQUEST',
			}[what];
			const id = first ?? second;
			return name === undefined
				? undefined
				: done({
						family: 'amd-vi',
						by: 'illumos',
						kind: kindOf(name),
						name,
						device: id === undefined ? undefined : {rid: Number(id) & 0xffff},
						address: address(at),
						time,
					});
		},
	},
	{
		of: 'iommu_showfault of acpidmar.c; the reason is in decimal',
		word: 'fri',
		pattern:
			/fri\d{1,3}: dmar: ([0-9a-f]{2}):([0-9a-f]{2})\.([0-7]) (read|write) error at ([0-9a-f]{1,16}) fr:(\d{1,3}) \[[^\]]*\] iommu:(\d{1,2}) \[(\w+)\]/,
		read: ([, bus, slot, fn, type, at, reason, unit, mapped], {time}) => {
			const device = loggedDevice(undefined, bus, slot, fn);
			if (device === undefined || Number(reason) > 0xff) return undefined;
			return done(
				withReason(
					access('OpenBSD', {
						name: `${type} error`,
						device,
						access: accessOf(type === 'write'),
						address: address(at),
						unit: `iommu${unit}`,
						detail: MAPPED[mapped],
						time,
					}),
					Number(reason),
				),
			);
		},
	},
	{
		of: 'iommu_showfault, of the fault before it',
		word: 'e820.reserved',
		pattern: /mem in e820\.reserved/,
		read: () => detail('the address is in memory that firmware reserves'),
	},
	{
		of: 'vtd_faults of IOPCIFamily’s vtd.cpp',
		word: '] fault: device',
		pattern:
			/vtd\[(\d{1,2})\] fault: device (\d{1,3}):(\d{1,2}):([0-7]) reason 0x([0-9a-f]{1,2}) ([RW]):0x([0-9a-f]{1,16})(?![\w?])/,
		read: ([, , bus, slot, fn, reason, type, at], {time}) =>
			done(
				withReason(
					access('macOS', {
						name: `vtd fault ${type}`,
						device: decimal(bus, slot, fn),
						access: accessOf(type === 'W'),
						address: address(at),
						time,
					}),
					Number.parseInt(reason, 16),
				),
			),
	},
	{
		of: 'ESXi 6 and 7, the VT-d driver',
		word: 'R/W=',
		pattern: new RegExp(
			String.raw`IOMMU Unit #(\d{1,2}): R/W=([RW]), Device ${BDF}\s+(?:Faulting )?[Aa]ddr = 0x([0-9a-f]{1,16})(?![\w?])`,
		),
		read: ([, unit, type, segment, bus, slot, fn, at], {after, time}) => {
			const base = access('ESXi', {
				name: 'IOMMU fault',
				unit: `unit ${unit}`,
				device: loggedDevice(segment, bus, slot, fn),
				access: accessOf(type === 'W'),
				address: address(at),
				time,
			});
			if (base.device === undefined) return undefined;
			const same = esxiReason(base)(after);
			return same === undefined ? begun(base, esxiReason(base)) : done(same.fault);
		},
	},
	{
		of: 'ESXi 7 and 8, the purple screen',
		word: 'IOMMU Fault detected',
		pattern: new RegExp(
			String.raw`IOMMU Fault detected for ${BDF} \(([^)]*)\) IOaddr: 0x([0-9a-f]{1,16})(?![\w?])(?: Mask: (0x[0-9a-f]{1,8}))?(?: Domain: (0x[0-9a-f]{1,16}))?`,
		),
		read: ([, segment, bus, slot, fn, name, at, mask], {time}) => {
			const device = loggedDevice(segment, bus, slot, fn);
			if (device === undefined) return undefined;
			return done({
				...access('ESXi', {
					name: 'IOMMU fault',
					device,
					driver: /^\w+/.exec(name)?.[0],
					address: address(at),
					detail: mask === undefined ? undefined : `ESXi’s mask is ${mask}`,
					time,
				}),
				family: 'unnamed',
				meaning: [
					'ESXi does not say whether it read or wrote, nor why it was refused. It stops the whole host with a purple screen.',
				],
			});
		},
	},
	{
		of: 'ESXi 6 to 8, vmware.log of a VM with passthrough',
		word: 'caused an IOMMU fault',
		pattern: new RegExp(
			String.raw`PCI passthru device ${BDF} caused an IOMMU fault type (\d{1,3}) at address 0x([0-9a-f]{1,16})(?![\w?])`,
		),
		read: ([, segment, bus, slot, fn, type, at], {time}) => {
			const device = loggedDevice(segment, bus, slot, fn);
			if (device === undefined) return undefined;
			return done({
				...access('ESXi', {
					name: 'IOMMU fault',
					device,
					driver: 'passthru',
					address: address(at),
					reason: Number(type),
					time,
				}),
				family: 'unnamed',
				cause: 'not mapped',
				meaning: [`ESXi’s fault type ${type}. The device is passed through; ESXi powers the VM off.`],
			});
		},
	},
	{
		of: 'vtd_print_fault_record_reg_status of jailhouse',
		word: 'VT-d fault event',
		pattern: /VT-d fault event reported by IOMMU (\d{1,2}):/,
		read: ([, unit], {after, time}) => {
			const base = access('jailhouse', {name: 'fault event', unit: `IOMMU ${unit}`, time});
			const same = jailhouseVtd(base)(after);
			return same === undefined
				? begun(base, jailhouseVtd(base))
				: begun(same.fault, same.next ?? jailhouseVtd(same.fault));
		},
	},
	{
		of: 'amd_iommu_print_event of jailhouse',
		word: 'AMD IOMMU',
		pattern: /AMD IOMMU (\d{1,2}) reported event/,
		read: ([, unit], {time}) => {
			const base: LoggedFault = {
				family: 'amd-vi',
				by: 'jailhouse',
				kind: 'unknown',
				name: 'event',
				unit: `IOMMU ${unit}`,
				time,
			};
			return begun(base, jailhouseAmd(base));
		},
	},
];

/** What acpidmar.c found of the function in its own tables. */
const MAPPED: Readonly<Record<string, string>> = {
	nobus: 'OpenBSD has set up no function of that bus',
	nodevfn: 'OpenBSD has not set up this function',
	nomap: 'OpenBSD marks the function as nomap',
};
