// The IOMMU that a QEMU machine emulates: which one, and where the guest's kernel has put its tables. Its registers
// are read as the guest would read them.

import {pageAddress} from '../formats/address.js';
import {REG, TE} from '../formats/vtd.js';
import {UserError} from '../user-error.js';
import {memoryMap} from './memory-map.js';
import type {Qmp} from './qmp.js';

export type QemuIommu =
	| {format: 'vt-d'; enabled: boolean; rootTable: number; capLo: number; capHi: number; ecapLo: number}
	| {format: 'amd-vi'; enabled: boolean; deviceTable: number; deviceTableBytes: number};

/** @throws UserError where the machine has none, or one whose tables are of another kind. */
export async function findIommu(qmp: Qmp): Promise<QemuIommu> {
	const regions = await memoryMap(qmp);
	const baseOf = (name: string) => regions.find(region => region.name === name)?.gpa;
	const vtd = baseOf('intel_iommu');
	if (vtd !== undefined) return readVtd(qmp, vtd);
	const amdvi = baseOf('amdvi-mmio');
	if (amdvi !== undefined) return readAmdVi(qmp, amdvi);
	throw new UserError('This machine has no IOMMU: start QEMU with -device intel-iommu or -device amd-iommu.');
}

async function readVtd(qmp: Qmp, base: number): Promise<QemuIommu> {
	const registers = await readWords(qmp, base, 12);
	const at = (offset: number): number => registers[offset / 4];
	const rootTable = pageAddress(at(REG.RTADDR), at(REG.RTADDR + 4));
	// Bits 11:10, the translation table mode: 0 is legacy (VT-d 11.4.5).
	if ((at(REG.RTADDR) & 0xc00) !== 0)
		throw new UserError(
			'The guest has VT-d in scalable mode, whose tables are not decoded: leave out x-scalable-mode.',
		);
	return {
		format: 'vt-d',
		enabled: (at(REG.GSTS) & TE) !== 0,
		rootTable,
		capLo: at(REG.CAP),
		capHi: at(REG.CAP + 4),
		ecapLo: at(REG.ECAP),
	};
}

/** Device table base address register at 0, control register at 0x18 (AMD I/O Virtualization 3.4.1). */
async function readAmdVi(qmp: Qmp, base: number): Promise<QemuIommu> {
	const registers = await readWords(qmp, base, 8);
	return {
		format: 'amd-vi',
		enabled: (registers[6] & 1) !== 0,
		deviceTable: pageAddress(registers[0], registers[1]),
		deviceTableBytes: ((registers[0] & 0x1ff) + 1) * 4096,
	};
}

/** 32-bit words from a guest-physical address on, device registers included. */
async function readWords(qmp: Qmp, gpa: number, count: number): Promise<number[]> {
	const printed = await qmp.monitor(`xp /${count}wx 0x${gpa.toString(16)}`);
	const words = [...printed.matchAll(/ 0x([0-9a-f]{8})\b/g)].map(([, word]) => Number.parseInt(word, 16));
	if (words.length !== count)
		throw new UserError(`QEMU does not print what is at 0x${gpa.toString(16)}: ${printed}`);
	return words;
}
