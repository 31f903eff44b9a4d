// vmm's intel/vtd.c: writes root, context and second-level tables into host memory. It uses only 4 KiB pages: it has no
// code to split a superpage when one of its pages is unmapped, so superpages are off.

import {high32, low32} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {REG} from '../formats/vtd.js';
import type {Memory} from '../hardware/memory.js';
import type {Vtd} from '../hardware/vtd.js';
import {alreadyOwned, type Domain, type IommuOps} from './iommu.js';
import {OWNER, PageTables} from './page-table.js';
import type {VmPages} from './vm-page.js';

const READ_WRITE = vtd.PTE_READ | vtd.PTE_WRITE;

export class VtdDriver implements IommuOps {
	readonly name = 'vt-d';
	/** domhead. */
	readonly domains: Domain[] = [];
	private readonly unit: Vtd;
	private readonly memory: Memory;
	private readonly pages: VmPages;
	private readonly tables: PageTables;
	private root = 0;
	/** ctx_tables: one per bus. */
	private readonly contexts: number[] = [];

	constructor(unit: Vtd, memory: Memory, pages: VmPages) {
		this.unit = unit;
		this.memory = memory;
		this.pages = pages;
		this.tables = new PageTables(memory, pages, {table: () => READ_WRITE, page: READ_WRITE, high: 0});
	}

	init(): void {
		this.root = this.pages.allocPage(OWNER);
		for (let bus = 0; bus < 256; bus++) {
			const table = this.pages.allocPage(OWNER);
			this.contexts[bus] = table;
			this.set64(this.root + bus * 16, low32(table) | vtd.PRESENT, high32(table));
		}
	}

	enable(): void {
		this.unit.write32(REG.RTADDR, low32(this.root));
		this.unit.write32(REG.RTADDR + 4, high32(this.root));
		this.unit.write32(REG.GCMD, vtd.SRTP);
		this.invalidateContexts();
		this.invalidateIotlb();
		this.unit.write32(REG.GCMD, vtd.TE);
	}

	/** vtd_disable. The tables stay: vtd_cleanup does nothing. */
	disable(): void {
		this.unit.write32(REG.GCMD, 0);
	}

	/** Takes the lowest free ID, from 1 (caching mode reserves 0), and the smallest width that fits maxaddr. */
	createDomain(maxaddr: number): Domain {
		const {sagaw} = vtd.decodeCap(this.unit.read32(REG.CAP), this.unit.read32(REG.CAP + 4));
		const levels = [2, 3, 4, 5].find(n => sagaw & (1 << (n - 2)) && 2 ** (12 + 9 * n) >= maxaddr);
		if (levels === undefined) throw new Error(`no supported address width fits ${maxaddr} bytes`);
		const taken = new Set(this.domains.map(domain => domain.id));
		let id = 1;
		while (taken.has(id)) id++;
		const domain = {id, maxaddr, ...this.tables.create(levels)};
		this.domains.push(domain);
		return domain;
	}

	destroyDomain(domain: Domain): void {
		this.domains.splice(this.domains.indexOf(domain), 1);
		this.tables.free(domain);
	}

	createMapping(domain: Domain, gpa: number, hpa: number, bytes: number): void {
		this.tables.map(domain, gpa, hpa, bytes);
	}

	removeMapping(domain: Domain, gpa: number, bytes: number): void {
		this.tables.unmap(domain, gpa, bytes);
	}

	/** Writes the high word first, because the low word has the present bit. @throws if the device is in a domain */
	addDevice(domain: Domain, rid: Rid): void {
		const entry = this.contexts[ridBus(rid)] + ridDevfn(rid) * 16;
		if (this.memory.u32(entry) & vtd.PRESENT) {
			throw alreadyOwned(rid, vtd.contextDomain(this.memory.u32(entry + 8)));
		}
		const {deviceTlb} = vtd.decodeEcap(this.unit.read32(REG.ECAP));
		this.set64(entry + 8, (domain.levels - 2) | (domain.id << 8), 0);
		const type = deviceTlb ? vtd.CTX_TT_DEVICE_TLB : 0;
		this.set64(entry, low32(domain.root) | type | vtd.PRESENT, high32(domain.root));
	}

	removeDevice(_domain: Domain, rid: Rid): void {
		const entry = this.contexts[ridBus(rid)] + ridDevfn(rid) * 16;
		this.set64(entry, 0, 0);
		this.set64(entry + 8, 0, 0);
		this.invalidateContexts();
		this.invalidateIotlb();
	}

	/** Like vtd_invalidate_tlb, this invalidates all domains. */
	invalidateTlb(_domain: Domain): void {
		this.invalidateIotlb();
	}

	private invalidateContexts(): void {
		this.unit.write32(REG.CCMD + 4, vtd.INVALIDATE | vtd.CCMD_GLOBAL);
	}

	private invalidateIotlb(): void {
		const {iro} = vtd.decodeEcap(this.unit.read32(REG.ECAP));
		this.unit.write32(iro + 12, vtd.INVALIDATE | vtd.IOTLB_GLOBAL_DRAIN);
	}

	private set64(hpa: number, lo: number, hi: number): void {
		this.memory.setU32(hpa, lo >>> 0);
		this.memory.setU32(hpa + 4, hi);
	}
}
