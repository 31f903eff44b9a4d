// The IOMMU that QEMU gives the VM, as the guest's kernel has set it up: its tables are walked where they are, in the
// guest's memory. Nothing is cached.

import type {OwnIommu} from '../../bhyve/vmmapi.js';
import {mappingsOf} from '../../explain/mappings.js';
import {startOf, walkTables} from '../../explain/walk.js';
import {hex, PAGE_SIZE} from '../../formats/address.js';
import type {Rid} from '../../formats/pci.js';
import type {Domain, PhysicalReader, Unit} from '../../machine/tables.js';
import type {Stage} from '../../machine/transfer.js';
import {pciDevices} from '../qemu/devices.js';
import {findIommu, readUnit, type UnitPlace} from '../qemu/iommu.js';
import type {Qmp} from '../qemu/qmp.js';

/** Domain IDs of VT-d have 16 bits; these are the guest's, beside the host's. */
const OWN_DOMAINS = 0x10000;

export class QemuIommu implements OwnIommu {
	private place: UnitPlace | undefined;
	private unit: Unit | undefined;
	private rid: Rid = 0;
	/** Refused addresses of the request that is in work. */
	private readonly refusals: number[] = [];

	/** `memory`: by GPA; `record`: has a refusal recorded. */
	constructor(
		private readonly qmp: () => Promise<Qmp | undefined>,
		/** The disk's id in QEMU. */
		private readonly disk: string,
		private readonly memory: PhysicalReader,
		private readonly record: (iova: number, write: boolean) => void,
	) {}

	refused(iova: number, write: boolean): void {
		this.refusals.push(iova);
		this.record(iova, write);
	}

	/** The station of this IOMMU in the path of the last request. */
	takeStation(): Stage | undefined {
		if (!this.enabled) return undefined;
		const [first] = this.refusals.splice(0);
		if (first === undefined)
			return {place: 'vIOMMU', brief: 'ok', full: 'the guest’s own IOMMU maps every page', trouble: false};
		const full = `the guest’s own IOMMU refuses ${hex(first)}; its kernel logs the fault`;
		return {place: 'vIOMMU', brief: 'refused', full, trouble: true};
	}

	/** Whether the guest's kernel, or its firmware, has switched translation on. */
	get enabled(): boolean {
		return this.unit?.enabled === true;
	}

	/** Finds out where the tables are, which change their place when another kernel boots. @throws UserError */
	async refresh(): Promise<void> {
		const qmp = await this.qmp();
		if (qmp === undefined) return;
		this.place ??= await findIommu(qmp);
		this.unit = await readUnit(qmp, this.place);
		this.rid = (await pciDevices(qmp)).find(({name}) => name === this.disk)?.rid ?? 0;
	}

	translate(iova: number, write: boolean): number | undefined {
		const {unit, memory, rid} = this;
		const start = startOf(memory, unit, rid);
		if (start.to === 'memory') return iova;
		if (start.to === 'fault' || unit === undefined) return undefined;
		const found = walkTables(memory, unit, start, {iova, write});
		if (found.to === 'fault') return undefined;
		return found.hpa - (found.hpa % PAGE_SIZE) + (iova % PAGE_SIZE);
	}

	/** What the guest's kernel allows its disk; `hpaOf`: where the guest's pages are. Undefined while it translates nothing. */
	domain(hpaOf: (gpa: number) => number | undefined): Domain | undefined {
		const {unit, memory, rid} = this;
		const start = startOf(memory, unit, rid);
		if (start.to !== 'tables' || unit === undefined) return undefined;
		const {root, levels, domain} = start;
		const mappings = mappingsOf(memory, {format: unit.format, root, levels}).flatMap(mapping => {
			const hpa = hpaOf(mapping.hpa);
			return hpa === undefined ? [] : {...mapping, hpa};
		});
		const label = `${this.disk} in the guest, domain ${domain}`;
		return {id: OWN_DOMAINS + domain, label, role: 'os', format: unit.format, root, levels, mappings};
	}
}
