// The IOMMUs of systems on a chip, most of whose drivers print a fault as one line. Each format is from that driver in
// Linux: rockchip-iommu.c, mtk_iommu.c and mtk_iommu_v1.c, exynos-iommu.c, sun50i-iommu.c, omap-iommu.c, ipmmu-vmsa.c in
// drivers/iommu, and drivers/memory/tegra/mc.c; Xen's ipmmu-vmsa.c is Linux's.

import type {ReasonClass} from '../../../formats/vtd-reasons.js';
import type {Family, LoggedFault} from '../fault.js';
import {
	accessOf,
	address,
	begun,
	bitNames,
	byName,
	type Continue,
	detail,
	done,
	type Format,
	unitOf,
} from './format.js';

type Fields = Partial<Omit<LoggedFault, 'family' | 'by' | 'kind'>>;
const fault = (family: Family, fields: Fields): LoggedFault => ({
	family,
	by: 'Linux',
	kind: 'access',
	name: 'page fault',
	...fields,
});
const meaning = (words: string): readonly string[] => [`${words.charAt(0).toUpperCase()}${words.slice(1)}.`];

/** The driver's lines about its walk: which of the two levels is not valid. */
const afterRockchip =
	(before: LoggedFault): Continue =>
	text => {
		if (/iova = 0x[0-9a-f]+: dte_index:/.test(text)) return {fault: before, next: afterRockchip(before)};
		const walk =
			/dte@(0x[0-9a-f]+): (0x[0-9a-f]+) valid: ([01]) pte@(0x[0-9a-f]+): (0x[0-9a-f]+) valid: ([01])/.exec(
				text,
			);
		if (!walk) return undefined;
		const [, , dte, hasTable, , pte, hasPage] = walk;
		const ended =
			hasTable === '0'
				? {level: 2, words: `the directory entry is ${dte}, not valid: nothing is mapped in these 4 MiB`}
				: hasPage === '0'
					? {level: 1, words: `the page entry is ${pte}, not valid`}
					: {level: 1, words: `the page entry is ${pte}, valid: its flags deny the access`};
		return {
			fault: {
				...before,
				...ended,
				cause: hasPage === '1' ? 'not allowed' : 'not mapped',
				meaning: meaning(ended.words),
			},
		};
	};

/** F_INT_… of mtk_iommu.c: the same seven for each of two memory managers. */
const MEDIATEK: readonly (readonly [bit: number, words: string])[] = [
	[0, 'translation fault: nothing is mapped at that address'],
	[1, 'two entries match'],
	[2, 'the address in the table is not valid'],
	[3, 'an entry could not be replaced'],
	[4, 'the table could not be read'],
	[5, 'the queue of misses is full'],
	[6, 'the queue of prefetches is full'],
];

/** AR is the bus's channel of reads, AW of writes (exynos-iommu.c, sysmmu_faults and sysmmu_v5_faults). */
const exynosAccess = (type: string | undefined, name: string): LoggedFault['access'] =>
	type !== undefined
		? type === 'READ'
			? 'read'
			: 'write'
		: /\bAW\b/.test(name)
			? 'write'
			: /\bAR\b/.test(name)
				? 'read'
				: undefined;
function exynosWords(name: string): {words: string; cause?: ReasonClass} {
	if (/PAGE/.test(name)) return {words: 'nothing is mapped at that address', cause: 'not mapped'};
	if (/ACCESS PROTECTION/.test(name))
		return {words: 'the page is mapped, but not for this kind of access', cause: 'not allowed'};
	if (/SECURITY/.test(name)) return {words: 'the page is of the secure world', cause: 'not allowed'};
	if (/MULTI-HIT/.test(name)) return {words: 'two entries of the TLB match', cause: 'bad entry'};
	return {words: 'the tables could not be read', cause: 'bad entry'};
}
const afterExynos =
	(before: LoggedFault): Continue =>
	text => {
		const entry = /Lv([12]) entry: (0x[0-9a-f]{1,8})/.exec(text);
		if (!entry)
			return /Page table base: 0x[0-9a-f]+/.test(text)
				? {fault: before, next: afterExynos(before)}
				: undefined;
		const said = `the level ${entry[1]} entry is ${entry[2]}`;
		const next = {...before, level: Number(entry[1]), detail: said};
		return {fault: next, next: afterExynos(next)};
	};

/** IMSTR of ipmmu-vmsa.c. */
const IPMMU: readonly (readonly [bit: number, words: string])[] = [
	[0, 'translation fault: nothing is mapped at that address'],
	[1, 'permission fault: the page is mapped, but not for this kind of access'],
	[2, 'the walk of the tables was aborted'],
	[4, 'two entries of the TLB match'],
];
/** MMU_IRQSTATUS of omap-iommu.h. */
const OMAP: readonly (readonly [bit: number, words: string])[] = [
	[0, 'a miss of the TLB'],
	[1, 'translation fault: nothing is mapped at that address'],
	[2, 'a miss while a debugger had it'],
	[3, 'the tables could not be read'],
	[4, 'two entries of the TLB match'],
];

export const SYSTEMS_ON_A_CHIP: readonly Format[] = [
	{
		of: 'rk_iommu_irq',
		word: 'Page fault at',
		pattern: /Page fault at (0x[0-9a-f]{1,16}) of type (read|write)/,
		read: ([, iova, type], {before, time}) => {
			const base = fault('rockchip', {
				unit: unitOf(before),
				endpoint: unitOf(before),
				access: accessOf(type === 'write'),
				address: address(iova),
				cause: 'not mapped',
				meaning: ['Nothing is mapped at that address, or not for this kind of access.'],
				time,
			});
			return begun(base, afterRockchip(base));
		},
	},
	{
		of: 'rk_iommu_irq',
		word: 'BUS_ERROR',
		pattern: /BUS_ERROR occurred at (0x[0-9a-f]{1,16})(?![\w?])/,
		read: ([, iova], {before, time}) =>
			done({
				...fault('rockchip', {
					name: 'BUS_ERROR',
					unit: unitOf(before),
					endpoint: unitOf(before),
					address: address(iova),
					meaning: ['The tables, or the memory behind them, could not be reached.'],
					time,
				}),
				kind: 'hardware',
			}),
	},
	{
		of: 'rockchip’s video codec, which prints its fault again',
		word: 'vcodec',
		pattern: /vcodec, fault addr (0x[0-9a-f]{1,16}) status ([0-9a-f]{1,8})/,
		read: ([, at, status]) => detail(`the codec’s own driver saw it too, at ${at}, status 0x${status}`),
	},
	{
		of: 'mtk_iommu_isr, in 4.6 to 7.x and Android',
		word: 'fault type=',
		pattern:
			/fault type=0x([0-9a-f]{1,8}) iova=0x([0-9a-f]{1,16}) pa=0x([0-9a-f]{1,16}) (?:master=0x[0-9a-f]{1,8}\()?larb=(\d{1,3})(?: sub_comm=\d+)? port=(\d{1,3})\)?(?: is_vpu=\d)?(?: regval=0x[0-9a-f]+)?(?: layer=\d)?(?: (read|write))?/,
		read: ([, type, iova, , larb, port, access], {before, time}) => {
			const state = Number.parseInt(type, 16);
			const words = bitNames((state | (state >>> 7)) & 0x7f, MEDIATEK);
			return done(
				fault('mediatek', {
					unit: unitOf(before.replace(/iommu $/, '')),
					endpoint: `larb ${larb} port ${port}`,
					access: access === undefined ? undefined : accessOf(access === 'write'),
					address: address(iova),
					reason: state,
					words: words.join('; '),
					cause: state & 0x81 ? 'not mapped' : 'bad entry',
					meaning: [
						`Type 0x${state.toString(16)}: ${words.length > 0 ? words.join('; ') : 'no known bit is set'}.`,
						`Larb ${larb} and port ${port} are the engine that sent it; dt-bindings/memory of the chip names them.`,
					],
					time,
				}),
			);
		},
	},
	{
		of: 'show_fault_information of exynos-iommu.c; before 4.8 it names the master after the address',
		word: 'occurred at',
		pattern:
			/(?:([\w.-]{1,64}): )?(?:\[(READ|WRITE)\] )?((?:A[RW] |PTW )?(?:PAGE|MULTI-HIT|BUS ERROR|ACCESS|SECURITY PROTECTION|ACCESS PROTECTION|UNKNOWN|UNDEFINED)) FAULT occurred at (0x[0-9a-f]{1,16})(?![\w?])(?: by ([\w.-]+))?/,
		read: ([, master, type, name, iova, by], {before, time}) => {
			const {words, cause} = exynosWords(name);
			const who = by ?? master;
			const base = fault('exynos', {
				name: `${name} FAULT`,
				unit: unitOf(before),
				...(who === undefined ? {} : byName(who)),
				access: exynosAccess(type, name),
				address: address(iova),
				words,
				cause,
				meaning: meaning(words),
				time,
			});
			return begun(base, afterExynos(base));
		},
	},
	{
		of: 'sun50i_iommu_report_fault',
		word: 'Page fault for',
		pattern: /Page fault for (0x[0-9a-f]{1,16}) \(master (\d{1,2}), dir (wr|rd)\)/,
		read: ([, iova, master, dir], {before, time}) =>
			done(
				fault('sun50i', {
					unit: unitOf(before),
					endpoint: `master ${master}`,
					access: accessOf(dir === 'wr'),
					address: address(iova),
					cause: 'not mapped',
					meaning: ['Nothing is mapped at that address, or not for this kind of access.'],
					time,
				}),
			),
	},
	{
		of: 'tegra30_mc_handle_irq',
		word: ' @0x',
		pattern:
			/\b(\w{1,40}): (?:(?:non-)?secure )?(read|write) ?@(0x[0-9a-f]{1,16}): ([A-Z][\w -]*\w)(?: \(([^()]*?)(?: \[([-RWS]{3})\])?\))?/,
		read: ([, client, access, at, what, error, rights], {before, time}) => {
			const translation = /SMMU translation/.test(error ?? '') || /^Page fault/.test(what);
			return done({
				...fault('tegra', {
					name: what,
					unit: unitOf(before),
					endpoint: client,
					access: accessOf(access === 'write'),
					address: address(at),
					words: error,
					cause: translation ? 'not mapped' : undefined,
					meaning: [
						`${what}${error ? `: ${error}` : ''}.`,
						...(rights
							? [
									`The page permits ${rights.includes('R') ? 'reads' : 'no reads'} and ${rights.includes('W') ? 'writes' : 'no writes'}.`,
								]
							: []),
						...(translation
							? []
							: ['The memory controller refused it: the address is no memory, or it is of another world.']),
					],
					time,
				}),
				kind: 'access',
			});
		},
	},
	{
		of: 'NVIDIA’s kernels for Tegra, mcerr.c',
		word: 'mc-err',
		pattern: /mc-err: \(\d+\) (\w+): ([A-Z][\w -]*\w)/,
		read: ([, client, what], {before, time}) => {
			const base = fault('tegra', {
				name: what,
				unit: unitOf(before),
				endpoint: client,
				meaning: [`${what}.`],
				time,
			});
			return begun(base, text => {
				const more = /status = (0x[0-9a-f]{1,8}); addr = (0x[0-9a-f]{1,16})/.exec(text);
				return more === null
					? undefined
					: {fault: {...base, address: address(more[2]), detail: `the status is ${more[1]}`}};
			});
		},
	},
	{
		of: 'iommu_fault_handler of omap-iommu.c',
		word: ' da:0x',
		pattern: /([\w.]{1,64}): errs:0x([0-9a-f]{8}) da:0x([0-9a-f]{8})(?![\w?])/,
		read: ([, name, errs, da], {before, time}) => {
			const words = bitNames(Number.parseInt(errs, 16), OMAP);
			return done(
				fault('omap', {
					unit: unitOf(before) ?? name,
					endpoint: name,
					address: address(da),
					reason: Number.parseInt(errs, 16),
					words: words.join('; '),
					cause: 'not mapped',
					meaning: [`${words.join('; ') || 'No known bit is set'}.`],
					time,
				}),
			);
		},
	},
	{
		of: 'ipmmu_domain_irq',
		word: 'Unhandled fault',
		pattern: /Unhandled fault: status (0x[0-9a-f]{8}) iova (0x[0-9a-f]{1,16})(?![\w?])/,
		read: ([, status, iova], {before, time}) => {
			const words = bitNames(Number(status), IPMMU);
			return done(
				fault('ipmmu', {
					unit: unitOf(before),
					address: address(iova),
					reason: Number(status),
					words: words.join('; '),
					cause: Number(status) & 2 ? 'not allowed' : 'not mapped',
					meaning: [`Status ${status}: ${words.join('; ') || 'no known bit is set'}.`],
					time,
				}),
			);
		},
	},
	{
		of: 'ipmmu_domain_irq',
		word: '@0x',
		pattern: /(Multiple TLB hits|Page Table Walk Abort) @(0x[0-9a-f]{1,16})(?![\w?])/,
		read: ([, what, iova], {before, time}) =>
			done({
				...fault('ipmmu', {
					name: what,
					unit: unitOf(before),
					address: address(iova),
					meaning: [`${what}.`],
					time,
				}),
				kind: 'hardware',
			}),
	},
];
