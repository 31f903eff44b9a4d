// Arm's SMMUv1 and v2, as Linux (drivers/iommu/arm/arm-smmu/arm-smmu.c; until 5.8 drivers/iommu/arm-smmu.c), its Qualcomm
// drivers (qcom_iommu.c, arm-smmu-qcom.c, Android's kernels, msm_iommu.c) and Xen (passthrough/arm/smmu.c) print it:
//
//   arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000, fsynr=0x540003, cbfrsynra=0x19c3, cb=10
//   arm-smmu 15000000.iommu: FSR    = 00000402 [Format=2 TF], SID=0x19c3                                     from 6.13
//   arm-smmu 5000000.iommu: Blocked unknown Stream ID 0x429; boot with "arm-smmu.disable_bypass=0" to allow, …
//   arm-smmu 5000000.iommu: 	GFSR 0x80000002, GFSYNR0 0x00000002, GFSYNR1 0x00000429, GFSYNR2 0x00000000
//
// The registers' fields: Arm IHI 0062, chapters 9 and 16.

import type {ReasonClass} from '../../../formats/vtd-reasons.js';
import type {LoggedFault} from '../fault.js';
import {
	accessOf,
	address,
	type Begun,
	begun,
	bitNames,
	byName,
	type Continue,
	detail,
	done,
	type Format,
	unitOf,
} from './format.js';

/** FSR (IHI 0062, SMMU_CBn_FSR): the first of these that is set is the reason. */
const REASONS: readonly {bit: number; name: string; words: string; cause?: ReasonClass}[] = [
	{bit: 1, name: 'TF', words: 'translation fault: nothing is mapped at that address', cause: 'not mapped'},
	{
		bit: 3,
		name: 'PF',
		words: 'permission fault: the page is mapped, but not for this kind of access',
		cause: 'not allowed',
	},
	{bit: 2, name: 'AFF', words: 'access flag fault: the page’s access flag is clear', cause: 'bad entry'},
	{bit: 4, name: 'EF', words: 'external fault: the tables could not be read'},
	{bit: 5, name: 'TLBMCF', words: 'two entries of the TLB match'},
	{bit: 6, name: 'TLBLKF', words: 'the TLB’s locked entries left no room'},
	{bit: 7, name: 'ASF', words: 'the address size is not supported', cause: 'too wide'},
	{bit: 8, name: 'UUT', words: 'an upstream transaction that the SMMU does not support'},
];
/** GFSR (SMMU_sGFSR). */
const GLOBAL: readonly (readonly [bit: number, words: string])[] = [
	[0, 'an invalid context'],
	[1, 'an unknown stream ID'],
	[2, 'a stream ID that several entries match'],
	[3, 'a context bank that is not set up'],
	[4, 'a context interrupt that is not set up'],
	[5, 'an access to a register that is not allowed'],
	[6, 'an external fault'],
	[7, 'a permission fault'],
	[8, 'an upstream transaction that the SMMU does not support'],
];
const MULTI = 0x8000_0000;
/** FSYNR0: WNR, PNU, IND, PTWF, and the level of the walk. */
const WRITE = 0x10;
const PRIVILEGED = 0x20;
const INSTRUCTION = 0x40;
const WALK = 0x400;

export function contextFault(fsr: number, fsynr: number | undefined): Partial<LoggedFault> {
	const reason = REASONS.find(({bit}) => (fsr >>> bit) & 1);
	const sort =
		fsynr === undefined
			? []
			: [
					`${fsynr & PRIVILEGED ? 'Privileged' : 'Unprivileged'} ${fsynr & INSTRUCTION ? 'instruction fetch' : 'data access'}${fsynr & WALK ? ', while a table was read' : ''}.`,
				];
	const text = reason === undefined ? 'FSR names no reason' : `${reason.name}: ${reason.words}`;
	return {
		name: 'context fault',
		reason: fsr,
		words: reason?.words,
		cause: reason?.cause,
		access: fsynr === undefined ? undefined : accessOf((fsynr & WRITE) !== 0),
		// The lowest two bits; of what kind the table is, FSR's format says.
		level: fsynr === undefined || !(fsr & 2) ? undefined : fsynr & 3,
		meaning: [
			`${text}.`,
			...sort,
			...((fsr & MULTI) !== 0 ? ['More faults came than the register holds.'] : []),
			...(fsr & 0x4000_0000 ? ['The transaction is stalled until a driver answers.'] : []),
		],
	};
}

const SMMU = {family: 'smmu', by: 'Linux', kind: 'access', name: 'context fault'} as const;
/** Xen's driver names itself, and then the unit by its path. */
const byOf = (before: string) => (/(?:^|[\s)])smmu: \//.test(before) ? 'Xen' : 'Linux');
const streamFields = (sid: number): Partial<LoggedFault> => ({
	endpoint: `stream 0x${sid.toString(16)}`,
	stream: sid,
});

const CONTEXT =
	/(?:Unhandled context fault:|Unexpected IOMMU page fault!)? ?(?:fsr=0x([0-9a-f]{1,8}), )?iova=0x([0-9a-f]{1,16}), fsynr=0x([0-9a-f]{1,8})(?:, cbfrsynra=0x([0-9a-f]{1,8}))?, cb=(\d{1,3})/;
const REGISTERS = /FSR\s*= (?:0x)?([0-9a-f]{8})(?: \[[^\]]*\])?, SID=0x([0-9a-f]{1,4})(?![\w?])/;
const SYNDROME = /FSYNR0 = ([0-9a-f]{8}) \[S1CBNDX=/;
const SOFT = /soft iova-to-phys=(0x[0-9a-f]{1,16})(?![\w?])/;

/** The lines after a context fault: registers in words, and what the kernel's own walk found. */
const afterContext =
	(fault: LoggedFault): Continue =>
	text => {
		const registers = REGISTERS.exec(text);
		if (registers) {
			const sid = fault.stream === undefined ? streamFields(Number(`0x${registers[2]}`)) : {};
			const next = {...fault, ...sid};
			return {fault: next, next: afterContext(next)};
		}
		if (SYNDROME.test(text)) return {fault, next: afterContext(fault)};
		const soft = SOFT.exec(text);
		if (!soft) return undefined;
		const found = Number(soft[1]) === 0 ? 'found nothing there' : `found ${soft[1]} there`;
		const next = {...fault, detail: `the kernel’s own walk ${found}`};
		return {fault: next, next: afterContext(next)};
	};

/** Android's driver and MSM's print a register a line. */
const afterHeader =
	(fault: LoggedFault, fsr?: number, fsynr?: number): Continue =>
	text => {
		const far = /(?:^|[^A-Z])FAR\s*= (?:0x)?([0-9a-f]{1,16})(?![\w?])/.exec(text);
		const status = /(?:^|[^G])FSR\s*= (?:0x)?([0-9a-f]{1,8})(?: \[([^\]]*)\])?/.exec(text);
		const syndrome = /FSYNR0\s*= (?:0x)?([0-9a-f]{1,8})/.exec(text);
		const sid = /\bSID\s*= (?:0x)?([0-9a-f]{1,4})\b/.exec(text);
		const named = /(?:^|\s)(?:context|name)\s*= ([\w.:-]+)/.exec(text);
		const other =
			/\b(?:PAR|TTBR[01]|SCTLR|ACTLR|CBAR|MAIR[01]|PRRR|NMRR|FSYNR1|context bank#|Interesting registers|Fault occurred in context|base|Client info)\b/.test(
				text,
			);
		if (!far && !status && !syndrome && !sid && !named)
			return other ? {fault, next: afterHeader(fault, fsr, fsynr)} : undefined;
		const newFsr = status ? Number.parseInt(status[1], 16) : fsr;
		const newFsynr = syndrome ? Number.parseInt(syndrome[1], 16) : fsynr;
		const next: LoggedFault = {
			...fault,
			...(newFsr === undefined ? {} : contextFault(newFsr, newFsynr)),
			...(far ? {address: address(far[1])} : {}),
			...(sid ? {stream: Number.parseInt(sid[1], 16)} : {}),
			...(sid && fault.endpoint === undefined && fault.device === undefined
				? streamFields(Number.parseInt(sid[1], 16))
				: {}),
			...(named && fault.endpoint === undefined ? byName(named[1]) : {}),
		};
		return {fault: next, next: afterHeader(next, newFsr, newFsynr)};
	};

const GFSR = /GFSR (0x[0-9a-f]{8}), GFSYNR0 (0x[0-9a-f]{8}), GFSYNR1 (0x[0-9a-f]{8}), GFSYNR2 0x[0-9a-f]{8}/;

/** GFSYNR0's bit 1: a write. GFSYNR1's lower half: the stream. */
function globalFault(fault: LoggedFault, [, gfsr, syn0, syn1]: readonly string[]): LoggedFault {
	const bits = bitNames(Number(gfsr), GLOBAL);
	const unknown = (Number(gfsr) & 2) !== 0;
	return {
		...fault,
		...streamFields(Number(syn1) & 0xffff),
		kind: unknown ? 'stream' : fault.kind,
		cause: unknown ? 'no entry' : undefined,
		access: accessOf((Number(syn0) & 2) !== 0),
		reason: Number(gfsr),
		words: bits.join('; '),
		meaning: [
			`GFSR ${gfsr}: ${bits.length > 0 ? bits.join('; ') : 'no known bit is set'}.`,
			...(unknown
				? [
						'No driver has set up this stream; the SMMU refuses all of its DMA. The registers do not say which address.',
					]
				: []),
			...((Number(gfsr) & MULTI) !== 0 ? ['More faults came than the register holds.'] : []),
		],
	};
}

const afterGlobal =
	(fault: LoggedFault): Continue =>
	(text): Begun | undefined => {
		const match = GFSR.exec(text);
		return match === null ? undefined : {fault: globalFault(fault, match)};
	};

export const SMMU_V2: readonly Format[] = [
	{
		of: 'arm_smmu_context_fault, qcom_iommu_fault, msm_iommu_fault_handler; fsr from 4.20, cbfrsynra from 5.3',
		word: 'iova=0x',
		pattern: CONTEXT,
		read: ([, fsr, iova, fsynr, sid, bank], {before, time}) => {
			const status = fsr === undefined ? undefined : Number.parseInt(fsr, 16);
			const base: LoggedFault = {
				...SMMU,
				by: byOf(before),
				unit: unitOf(before.replace(/Unhandled context fault: ?$/, '')),
				endpoint: `context bank ${bank}`,
				...(status === undefined
					? {
							access: accessOf((Number.parseInt(fsynr, 16) & WRITE) !== 0),
							meaning: ['This kernel does not print the reason (FSR).'],
						}
					: contextFault(status, Number.parseInt(fsynr, 16))),
				...(sid === undefined ? {} : streamFields(Number.parseInt(sid, 16) & 0xffff)),
				address: address(iova),
				time,
			};
			return base.address === undefined ? undefined : begun(base, afterContext(base));
		},
	},
	{
		of: 'arm_smmu_context_fault before 4.20, and Xen’s',
		word: 'Unexpected context fault',
		pattern: /Unexpected context fault \(fsr 0x([0-9a-f]{1,8})\)/,
		read: ([, fsr], {before, time}) =>
			done({
				...SMMU,
				by: byOf(before),
				unit: unitOf(before),
				...contextFault(Number.parseInt(fsr, 16), undefined),
				time,
			}),
	},
	{
		of: 'print_fault_regs of Android’s arm-smmu.c; print_ctx_regs of msm_iommu.c',
		word: 'fault',
		pattern:
			/Unhandled arm-smmu context fault from ([\w.:,-]+)!|Unexpected IOMMU page fault(?: from secure context bank)?!/,
		read: ([, from], {before, time}) => {
			const base: LoggedFault = {
				...SMMU,
				family: from === undefined ? 'msm' : 'smmu',
				unit: unitOf(before),
				...(from === undefined ? {} : byName(from)),
				time,
			};
			return begun(base, afterHeader(base));
		},
	},
	{
		of: 'arm_smmu_global_fault, from 5.2',
		word: 'unknown Stream ID',
		pattern: /Blocked unknown Stream ID (0x[0-9a-f]{1,8})(?![\w?])/,
		read: ([, sid], {before, after, time}) => {
			const base: LoggedFault = {
				...SMMU,
				kind: 'stream',
				name: 'blocked stream',
				cause: 'no entry',
				unit: unitOf(before),
				...streamFields(Number(sid) & 0xffff),
				meaning: ['No driver has set up this stream; the SMMU refuses all of its DMA.'],
				time,
			};
			const same = GFSR.exec(after);
			return same === null ? begun(base, afterGlobal(base)) : done(globalFault(base, same));
		},
	},
	{
		of: 'arm_smmu_global_fault',
		word: 'Unexpected global fault',
		pattern: /Unexpected global fault, this could be serious/,
		read: (_, {before, after, time}) => {
			const base: LoggedFault = {
				...SMMU,
				by: byOf(before),
				kind: 'hardware',
				name: 'global fault',
				unit: unitOf(before),
				time,
			};
			const same = GFSR.exec(after);
			return same === null ? begun(base, afterGlobal(base)) : done(globalFault(base, same));
		},
	},
	{
		of: 'arm_smmu_global_fault, where the first line is missing',
		word: 'GFSR 0x',
		pattern: GFSR,
		read: (match, {before, time}) =>
			done(
				globalFault(
					{...SMMU, by: byOf(before), kind: 'hardware', name: 'global fault', unit: unitOf(before), time},
					match,
				),
			),
	},
	{
		of: '__arm_smmu_tlb_sync; qcom_iommu_tlb_sync; Android’s',
		word: 'ync',
		pattern:
			/TLB sync timed out -- SMMU may be deadlocked|timeout waiting for TLB SYNC|TLB (?:global )?sync(?: on cb\d+)? failed(?: for device ([\w.:-]+))?/,
		read: ([, from], {before, time}) =>
			done({
				...SMMU,
				kind: 'invalidation',
				name: 'TLB sync timed out',
				by: byOf(before),
				unit: unitOf(before),
				...(from === undefined ? {} : byName(from)),
				meaning: ['The SMMU did not complete an invalidation in time.'],
				time,
			}),
	},
	{
		of: 'arm_smmu_verify_fault, alone',
		word: 'iova-to-phys',
		pattern: SOFT,
		read: ([, found]) => detail(`the kernel’s own walk: ${Number(found) === 0 ? 'nothing' : found}`),
	},
	{
		of: 'arm_smmu_print_context_fault_info, alone',
		word: 'SID=0x',
		pattern: REGISTERS,
		read: ([, fsr]) => detail(`FSR is 0x${fsr}`),
	},
];
