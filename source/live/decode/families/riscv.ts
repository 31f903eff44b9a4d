// The RISC-V IOMMU, as Linux prints it (drivers/iommu/riscv/iommu.c, riscv_iommu_fault; the device ID in decimal before
// 6.13 and in vendors' kernels):
//
//   riscv,iommu 10010000.iommu: Fault 13 devid: 0x18 iotval: 80200000 iotval2: 0
//
// Causes: RISC-V IOMMU Architecture Specification, table of fault record CAUSE encodings (3.2).

import type {ReasonClass} from '../../../formats/vtd-reasons.js';
import type {Kind} from '../fault.js';
import {address, asRequester, done, type Format, OVERFLOW, unitOf} from './format.js';

type Cause = {words: string; kind: Kind; cause?: ReasonClass; access?: 'read' | 'write'};
const page = (words: string, access?: 'read' | 'write'): Cause => ({
	words,
	kind: 'access',
	cause: 'not mapped',
	access,
});
const refused = (words: string, access?: 'read' | 'write'): Cause => ({
	words,
	kind: 'access',
	cause: 'not allowed',
	access,
});
const missing = (words: string): Cause => ({words, kind: 'stream', cause: 'no entry'});
const broken = (words: string): Cause => ({words, kind: 'device entry', cause: 'bad entry'});
const hardware = (words: string): Cause => ({words, kind: 'hardware'});

const CAUSES: Readonly<Record<number, Cause>> = {
	1: refused('instruction access fault'),
	4: refused('read address misaligned', 'read'),
	5: refused('read access fault: no memory is there, or it is protected', 'read'),
	6: refused('write address misaligned', 'write'),
	7: refused('write access fault: no memory is there, or it is protected', 'write'),
	12: page('instruction page fault'),
	13: page('read page fault: nothing is mapped at that address, or not for reads', 'read'),
	15: page('write page fault: nothing is mapped at that address, or not for writes', 'write'),
	20: page('instruction guest page fault'),
	21: page('read guest page fault: the second stage has no mapping there', 'read'),
	23: page('write guest page fault: the second stage has no mapping there', 'write'),
	256: missing('all inbound transactions are disallowed: the IOMMU is off'),
	257: hardware('a device directory entry cannot be read'),
	258: missing('the device directory entry is not valid: no driver has set up this device'),
	259: broken('the device directory entry is misconfigured'),
	260: {
		words: 'a transaction of a type that is disallowed for this device',
		kind: 'device request',
		cause: 'not enabled',
	},
	261: hardware('an entry of the MSI table cannot be read'),
	262: {words: 'the entry of the MSI table is not valid', kind: 'interrupt'},
	263: {words: 'the entry of the MSI table is misconfigured', kind: 'interrupt'},
	264: hardware('the interrupt file in memory cannot be reached'),
	265: hardware('a process directory entry cannot be read'),
	266: missing('the process directory entry is not valid'),
	267: broken('the process directory entry is misconfigured'),
	268: hardware('the device directory is corrupted'),
	269: hardware('the process directory is corrupted'),
	270: hardware('the MSI table is corrupted'),
	271: hardware('the interrupt file in memory is corrupted'),
	272: hardware('an error in the IOMMU’s own paths'),
	273: hardware('the IOMMU’s own interrupt could not be written'),
	274: hardware('a page table is corrupted'),
};

export const RISC_V: readonly Format[] = [
	{
		of: 'riscv_iommu_fault',
		word: ' iotval',
		pattern:
			/Fault (\d{1,4}) (?:ttyp \d+ )?devid: (0x[0-9a-f]{1,6}|\d{1,8}) iotval: ([0-9a-f]{1,16}) iotval2: ([0-9a-f]{1,16})(?![\w?])/,
		read: ([, number, devid, iotval], {before, time}) => {
			const code = Number(number);
			const {words, kind, cause, access} = CAUSES[code] ?? {
				words: 'a cause that the specification does not have',
				kind: 'unknown',
			};
			const id = Number(devid);
			return done({
				family: 'risc-v',
				by: 'Linux',
				kind,
				name: `fault ${code}`,
				unit: unitOf(before),
				endpoint: `device 0x${id.toString(16)}`,
				stream: id,
				access,
				address: kind === 'access' || kind === 'interrupt' ? address(iotval) : undefined,
				reason: code,
				words,
				cause,
				meaning: [`Cause ${code}: ${words}.`],
				detail:
					id <= 0xffff
						? `if it is a PCI function, device 0x${id.toString(16)} is ${asRequester(id)}`
						: undefined,
				time,
			});
		},
	},
	{
		of: 'riscv_iommu_fltq_process',
		word: 'ault queue',
		pattern: /[Ff]ault queue overflow|Fault queue error/,
		read: () => OVERFLOW,
	},
];
