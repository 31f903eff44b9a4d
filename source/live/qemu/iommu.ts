// The IOMMU that a QEMU machine emulates: which one it is, and where the guest's kernel has put its tables. Its
// registers are read as the guest would read them; reading these has no side effects.

import {pageAddress} from '../../formats/address.js';
import * as amdvi from '../../formats/amdvi.js';
import {decodeCap, REG, TE} from '../../formats/vtd.js';
import type {Unit} from '../../machine/tables.js';
import {UserError} from '../../user-error.js';
import {hasVirtioIommu} from './devices.js';
import {memoryMap} from './layout.js';
import {printedWords, type Qmp} from './qmp.js';

/** The address of the unit's registers. */
export type UnitPlace = {format: Unit['format']; base: number};

const MEND = 'start QEMU with -device intel-iommu or -device amd-iommu.';

/** @throws UserError if the machine has no IOMMU, or one without tables */
export async function findIommu(qmp: Qmp): Promise<UnitPlace> {
	const regions = await memoryMap(qmp);
	const baseOf = (name: string) => regions.find(region => region.name === name)?.gpa;
	const vtd = baseOf('intel_iommu');
	if (vtd !== undefined) return {format: 'vt-d', base: vtd};
	const amdviBase = baseOf('amdvi-mmio');
	if (amdviBase !== undefined) return {format: 'amd-vi', base: amdviBase};
	if (await hasVirtioIommu(qmp))
		throw new UserError(`This machine’s IOMMU is virtio-iommu, which has no tables in memory; ${MEND}`);
	throw new UserError(`This machine has no IOMMU; ${MEND}`);
}

/** The unit as it is now. @throws UserError if its table format is not supported */
export const readUnit = (qmp: Qmp, {format, base}: UnitPlace): Promise<Unit> =>
	format === 'vt-d' ? readVtd(qmp, base) : readAmdvi(qmp, base);

async function readVtd(qmp: Qmp, base: number): Promise<Unit> {
	const registers = await printedWords(qmp, base, 12);
	const at = (offset: number): number => registers[offset / 4];
	// Bits 11:10, the translation table mode: 0 is legacy (VT-d 11.4.5).
	if ((at(REG.RTADDR) & 0xc00) !== 0)
		throw new UserError(
			'The guest uses VT-d’s scalable mode, which is not supported; remove x-scalable-mode from QEMU’s options.',
		);
	const [capLo, capHi] = [at(REG.CAP), at(REG.CAP + 4)];
	return {
		format: 'vt-d',
		enabled: (at(REG.GSTS) & TE) !== 0,
		table: pageAddress(at(REG.RTADDR), at(REG.RTADDR + 4)),
		capLo,
		capHi,
		ecapLo: at(REG.ECAP),
		// QEMU's aw-bits is the width of both guest and host addresses.
		hostAddressWidth: decodeCap(capLo, capHi).mgaw,
	};
}

async function readAmdvi(qmp: Qmp, base: number): Promise<Unit> {
	const registers = await printedWords(qmp, base, 8);
	const [lo, hi] = registers;
	return {
		format: 'amd-vi',
		enabled: (registers[amdvi.REG.CONTROL / 4] & amdvi.CONTROL.IOMMU_EN) !== 0,
		table: pageAddress(lo, hi),
		bytes: amdvi.deviceTableBytes(lo),
	};
}
