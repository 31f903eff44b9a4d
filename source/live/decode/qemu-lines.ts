// QEMU's emulated IOMMUs. A trace (-trace 'vtd_dmar_fault' -D log) has a line per fault:
//   1234@1676271757.075075:vtd_dmar_fault sid 0xb00 fault 6 addr 0x1187a9000 write 0
// Without a trace QEMU prints one or two lines for the same fault:
//   qemu-system-x86_64: vtd_iova_to_slpte: detected slpte permission error (iova=0x…, level=0x3, slpte=0x0, write=0)
//   qemu-system-x86_64: vtd_iommu_translate: detected translation failure (dev=0b:00:00, iova=0x1187a9000)
// amd-iommu's trace does not name the device (hw/i386/trace-events).

import {type Halves, hexHalves, parseHalves} from '../../formats/address.js';
import {isInterrupt} from '../../formats/vtd-reasons.js';
import {type Kind, type LoggedFault, loggedDevice, type Reading, ridDevice} from './fault.js';

/** `part`: one of several lines about a fault. */
export type Parsed = Reading | {readonly is: 'part'; readonly part: QemuPart};
export type QemuPart = {readonly from: 'walk' | 'trace' | 'translate'; readonly fault: LoggedFault};

const TRACE = /vtd_dmar_fault sid 0x([0-9a-f]{1,4}) fault (\d{1,3}) addr 0x([0-9a-f]{1,16}) write ([01])\s*$/;
const WALK =
	/vtd_iova_to_[sf][ls]pte: detected (?:slpte|fspte|splte) permission error \(iova=0x([0-9a-f]{1,16}), level=0x([0-9a-f]), [sf][ls]pte=0x([0-9a-f]{1,16}), write=([01])(?:, pasid=0x([0-9a-f]{1,8}))?\)/;
const TRANSLATE =
	/vtd_iommu_translate: detected translation failure \(dev=([0-9a-f]{2}):([0-9a-f]{2}):([0-9a-f]{2}), iova=0x([0-9a-f]{1,16})\)/;
const LOST =
	/New fault is not recorded due to (?:Primary Fault Overflow|compression of faults)|Next Fault Recording Reg is used, new fault is not recorded/;
const AMD: readonly (readonly [RegExp, Kind, string])[] = [
	[
		/amdvi_page_fault error: page fault accessing guest physical address 0x([0-9a-f]{1,16})\s*$/,
		'access',
		'amdvi_page_fault',
	],
	[
		/amdvi_mode_invalid error: translation level 0x[0-9a-f]+ translating addr 0x([0-9a-f]{1,16})\s*$/,
		'device entry',
		'amdvi_mode_invalid',
	],
	[
		/amdvi_dte_get_fail error: failed to access Device Entry devtab 0x([0-9a-f]{1,16}) offset 0x[0-9a-f]+\s*$/,
		'hardware',
		'amdvi_dte_get_fail',
	],
	[
		/amdvi_get_pte_hwerror hardware error eccessing PTE at addr 0x([0-9a-f]{1,16})\s*$/,
		'hardware',
		'amdvi_get_pte_hwerror',
	],
	[
		/amdvi_command_error error: Executing commands with command buffer disabled 0x([0-9a-f]{1,16})\s*$/,
		'command',
		'amdvi_command_error',
	],
	[
		/amdvi_command_read_fail error: fail to access memory at 0x([0-9a-f]{1,16}) \+ 0x[0-9a-f]+\s*$/,
		'hardware',
		'amdvi_command_read_fail',
	],
	[
		/amdvi_completion_wait_fail error: fail to write at address 0x([0-9a-f]{1,16})\s*$/,
		'hardware',
		'amdvi_completion_wait_fail',
	],
];
const LIKE = /vtd_dmar_fault|vtd_iommu_translate: |vtd_iova_to_\w+: |amdvi_\w+ error:|vtd_\w+: detected/;
const NO_PASID = 0xffffffff;

/** What a message says, if it is one of these. */
export function qemuLine(text: string, time?: number): Parsed[] {
	const trace = TRACE.exec(text);
	if (trace) return [traceOf(text, trace, time)];
	const walk = WALK.exec(text);
	if (walk) return [walkedOf(text, walk, time)];
	const translate = TRANSLATE.exec(text);
	if (translate) {
		const [, bus, slot, fn, iova] = translate;
		const device = /^0[0-7]$/.test(fn) ? loggedDevice(undefined, bus, slot, fn.slice(1)) : undefined;
		const address = parseHalves(iova);
		if (device === undefined || address === undefined) return [{is: 'not understood', line: text}];
		return [part('translate', {name: 'translation failure', device, address, time})];
	}
	if (LOST.test(text)) return [{is: 'overflow'}];
	for (const [pattern, kind, name] of AMD) {
		const address = parseHalves(pattern.exec(text)?.[1] ?? '');
		if (pattern.test(text) && address !== undefined)
			return [{is: 'fault', fault: {family: 'amd-vi', by: 'QEMU', kind, name, address, time}, times: 1}];
	}
	return LIKE.test(text) ? [{is: 'not understood', line: text}] : [];
}

type Parts = Partial<Omit<LoggedFault, 'family' | 'by'>> & Pick<LoggedFault, 'name'>;
const part = (from: QemuPart['from'], parts: Parts): Parsed => ({
	is: 'part',
	part: {from, fault: {family: 'vt-d', by: 'QEMU', kind: 'access', ...parts}},
});

function traceOf(text: string, [, sid, digits, addr, write]: RegExpExecArray, time?: number): Parsed {
	const reason = Number(digits);
	const address = parseHalves(addr);
	if (reason > 0xff || address === undefined) return {is: 'not understood', line: text};
	const device = ridDevice(sid);
	// QEMU prints an interrupt's index in the same bits as a fault record has it.
	if (isInterrupt(reason))
		return part('trace', {
			kind: 'interrupt',
			name: 'vtd_dmar_fault',
			device,
			reason,
			index: address.hi >>> 16,
			time,
		});
	return part('trace', {name: 'vtd_dmar_fault', device, reason, address, access: accessOf(write), time});
}

function walkedOf(
	text: string,
	[, iova, level, entry, write, digits]: RegExpExecArray,
	time?: number,
): Parsed {
	const address = parseHalves(iova);
	const slpte: Halves | undefined = parseHalves(entry);
	if (address === undefined || slpte === undefined) return {is: 'not understood', line: text};
	const pasid = Number.parseInt(digits ?? 'ffffffff', 16);
	return part('walk', {
		name: 'permission error',
		address,
		access: accessOf(write),
		pasid: pasid === NO_PASID ? undefined : pasid,
		detail: `the entry at level ${Number.parseInt(level, 16)} is ${hexHalves(slpte)}`,
		time,
	});
}

const accessOf = (write: string): 'read' | 'write' => (write === '1' ? 'write' : 'read');

/** Joins two lines about one fault; undefined where the lines are about different faults. */
export function joined(first: LoggedFault, second: LoggedFault): LoggedFault | undefined {
	const clash =
		different(first.address && hexHalves(first.address), second.address && hexHalves(second.address)) ||
		different(first.device?.rid, second.device?.rid) ||
		different(first.access, second.access) ||
		different(first.reason, second.reason);
	if (clash) return undefined;
	const logged = Object.fromEntries(Object.entries(second).filter(([, value]) => value !== undefined));
	const name = second.reason === undefined && first.reason !== undefined ? first.name : second.name;
	return {...first, ...logged, name, time: first.time ?? second.time};
}

const different = (a: unknown, b: unknown): boolean => a !== undefined && b !== undefined && a !== b;
