// The IOMMU units as the kernel has them in memory: VT-d's list of dmar_drhd_unit, AMD-Vi's list of PCI segments (Linux's
// drivers/iommu/intel/iommu.h and amd/amd_iommu_types.h). Where members are, BTF says.

import {isBitSet} from '../../../formats/address.js';
import {DTE_BYTES, ENTRY_BYTES} from '../../../formats/amdvi.js';
import {decodeRootHalf} from '../../../formats/vtd-scalable.js';
import type {OneUnit} from '../../../machine/tables.js';
import type {Offsets} from './btf.js';
import {type Kcore, KcoreError} from './kcore.js';
import type {Symbols} from './symbols.js';

export const VARIABLES: ReadonlySet<string> = new Set([
	'dmar_drhd_units',
	'intel_iommu_sm',
	'amd_iommu_pci_seg_list',
	'amd_iommu_list',
	'amd_iommu_dev_table',
	'amd_iommu_last_bdf',
]);

export const MEMBERS: ReadonlySet<string> = new Set([
	...['list', 'segment', 'iommu'].map(member => `dmar_drhd_unit.${member}`),
	...['cap', 'ecap', 'gcmd', 'name', 'root_entry'].map(member => `intel_iommu.${member}`),
	...['list', 'id', 'last_bdf', 'dev_table_size', 'dev_table'].map(member => `amd_iommu_pci_seg.${member}`),
	...['list', 'evt_buf'].map(member => `amd_iommu.${member}`),
]);

/** A unit, its name in sysfs where it has one of its own, and its PCI segment. */
export type KernelUnit = {unit: OneUnit; name: string; segment: number};
export type KernelUnits = {
	units: readonly KernelUnit[];
	/** The physical addresses of AMD-Vi's event logs, of EVENT_LOG_BYTES each. */
	eventLogs: readonly number[];
};

/** EVT_BUFFER_SIZE. */
export const EVENT_LOG_BYTES = 512 * ENTRY_BYTES;
/** More units, and segments, than any machine has. */
const MOST_UNITS = 1024;

export class Kernel {
	constructor(
		private readonly kcore: Kcore,
		private readonly symbols: Symbols,
		private readonly offsets: Offsets,
		/** Bits of a physical address. */
		private readonly width: number,
	) {}

	/** @throws KcoreError if the kernel's structures are not as expected */
	get units(): KernelUnits {
		const segments = this.amdvi();
		if (segments.length > 0) return {units: segments, eventLogs: this.eventLogs()};
		return {units: this.vtd(), eventLogs: []};
	}

	private vtd(): KernelUnit[] {
		return this.list('dmar_drhd_units', 'dmar_drhd_unit.list').flatMap((drhd): KernelUnit[] => {
			const iommu = this.pointer(drhd, 'dmar_drhd_unit.iommu');
			// A unit that the kernel ignores has no structure.
			if (iommu === 0n) return [];
			const root = this.pointer(iommu, 'intel_iommu.root_entry');
			if (root === 0n) return [];
			const [cap, ecap] = ['cap', 'ecap'].map(member =>
				halvesOf(this.pointer(iommu, `intel_iommu.${member}`)),
			);
			const gcmd = this.bytes(iommu, 'intel_iommu.gcmd', 4).readUInt32LE();
			const name = this.bytes(iommu, 'intel_iommu.name', 13).toString('latin1').replace(/\0.*$/s, '');
			const table = this.table(root);
			const scalable = isBitSet(ecap, 43) && this.isScalable(root);
			return [
				{
					unit: {
						format: 'vt-d',
						enabled: gcmd >>> 31 === 1,
						table,
						capLo: cap.lo,
						capHi: cap.hi,
						ecapLo: ecap.lo,
						...(scalable ? {ecapHi: ecap.hi} : {}),
						hostAddressWidth: this.width,
					},
					name: /^[\w-]{1,13}$/.test(name) ? name : '',
					segment: this.bytes(drhd, 'dmar_drhd_unit.segment', 2).readUInt16LE(),
				},
			];
		});
	}

	/**
	 * Scalable mode is on wherever the kernel was told so and the unit can. A kernel without the variable shows it by a
	 * root entry whose upper half is in use, which in legacy mode is reserved.
	 */
	private isScalable(root: bigint): boolean {
		const told = this.symbols.get('intel_iommu_sm');
		if (told !== undefined) return this.kcore.virtual(told, 4).readInt32LE() !== 0;
		const table = this.kcore.virtual(root, 4096);
		return Array.from({length: 256}, (_, bus) => 16 * bus + 8).some(
			at => decodeRootHalf(table.readUInt32LE(at), 0).present,
		);
	}

	private amdvi(): KernelUnit[] {
		const unit = (table: bigint, bytes: number, segment: number): KernelUnit => ({
			unit: {format: 'amd-vi', enabled: true, table: this.table(table), bytes},
			name: '',
			segment,
		});
		if (this.symbols.has('amd_iommu_pci_seg_list'))
			return this.list('amd_iommu_pci_seg_list', 'amd_iommu_pci_seg.list').map(segment => {
				const id = this.bytes(segment, 'amd_iommu_pci_seg.id', 2).readUInt16LE();
				const last = this.bytes(segment, 'amd_iommu_pci_seg.last_bdf', 2).readUInt16LE();
				const size = this.offsets.has('amd_iommu_pci_seg.dev_table_size')
					? this.bytes(segment, 'amd_iommu_pci_seg.dev_table_size', 4).readUInt32LE()
					: 0;
				return unit(this.pointer(segment, 'amd_iommu_pci_seg.dev_table'), tableBytes(last, size), id);
			});
		// Before 6.0 there is one table for all.
		const variable = this.symbols.get('amd_iommu_dev_table');
		const last = this.symbols.get('amd_iommu_last_bdf');
		if (variable === undefined || last === undefined) return [];
		const table = this.kcore.virtual(variable, 8).readBigUInt64LE();
		return table === 0n ? [] : [unit(table, tableBytes(this.kcore.virtual(last, 2).readUInt16LE(), 0), 0)];
	}

	private eventLogs(): number[] {
		if (!this.symbols.has('amd_iommu_list') || !this.offsets.has('amd_iommu.evt_buf')) return [];
		return this.list('amd_iommu_list', 'amd_iommu.list').flatMap(iommu => {
			const buffer = this.pointer(iommu, 'amd_iommu.evt_buf');
			return buffer === 0n ? [] : [this.kcore.physical(buffer)];
		});
	}

	/** The structures in one of the kernel's lists. @throws KcoreError if it does not come back to its head */
	private list(variable: string, member: string): bigint[] {
		const head = this.symbols.get(variable);
		if (head === undefined) return [];
		const found: bigint[] = [];
		const next = (at: bigint): bigint => this.kcore.virtual(at, 8).readBigUInt64LE();
		for (let at = next(head); at !== head; at = next(at)) {
			if (at === 0n || found.length === MOST_UNITS) throw new KcoreError(`the list ${variable} has no end`);
			found.push(at - BigInt(this.offset(member)));
		}
		return found;
	}

	private bytes(structure: bigint, member: string, length: number): Buffer {
		return this.kcore.virtual(structure + BigInt(this.offset(member)), length);
	}

	private pointer(structure: bigint, member: string): bigint {
		return this.bytes(structure, member, 8).readBigUInt64LE();
	}

	private table(address: bigint): number {
		const hpa = this.kcore.physical(address);
		if (hpa % 4096 !== 0) throw new KcoreError(`a table at 0x${hpa.toString(16)}, which is not a page`);
		return hpa;
	}

	private offset(member: string): number {
		const offset = this.offsets.get(member);
		if (offset === undefined) throw new KcoreError(`this kernel has no ${member}`);
		return offset;
	}
}

/** A device table's length: the kernel's own, or whole pages of entries. */
const tableBytes = (lastBdf: number, size: number): number => {
	const needed = Math.ceil(((lastBdf + 1) * DTE_BYTES) / 4096) * 4096;
	return size >= needed && size <= 65_536 * DTE_BYTES ? size : needed;
};

const halvesOf = (word: bigint) => ({lo: Number(word & 0xffff_ffffn), hi: Number(word >> 32n)});
