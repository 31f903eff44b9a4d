// The page tables of this host, from its memory: every domain that its kernel has made, looked at again and again.

import {UNKNOWN} from '../../../explain/ranges.js';
import {PAGE_SIZE} from '../../../formats/address.js';
import * as amdvi from '../../../formats/amdvi.js';
import {type Rid, ridOf} from '../../../formats/pci.js';
import type {Domain, PhysicalReader, Unit} from '../../../machine/tables.js';
import {readDomains, type UnitFunctions} from '../../tables/os-domains.js';
import {TablePages} from '../../tables/table-pages.js';
import {type HostDevice, shortId} from '../devices.js';
import type {Host} from '../host.js';
import type {TablesState} from '../machine.js';
import {KcoreError} from './kcore.js';
import {EVENT_LOG_BYTES, type KernelUnit} from './kernel-units.js';
import {savedTables} from './saved-tables.js';
import type {TableSource} from './table-source.js';

/** A look at one fiftieth of the time, at most. */
const SHARE = 50;
/** Looks whose beginning changes under them, before the last good one is kept. */
const TRIES = 3;

export class HostTables {
	/** Tables alone: they have addresses and no contents, and nothing else of memory is shown. */
	readonly memory: PhysicalReader = {page: hpa => this.pages.page(hpa)};
	private readonly pages: TablePages;
	private last: TablesState | undefined;
	private next = 0;

	/** @param now a clock in milliseconds */
	constructor(
		private readonly source: TableSource,
		private readonly now: () => number,
	) {
		this.pages = new TablePages(source.memory);
	}

	/**
	 * The domains now, or as they were last seen where little time has passed.
	 * @throws KcoreError if the kernel's structures are not as expected
	 */
	async look({devices, groups}: Host): Promise<TablesState> {
		const start = this.now();
		if (this.last !== undefined && start < this.next) return this.last;
		const beyond = ~(2 ** (this.source.width - 32) - 1) & 0xfffff;
		const vmOf = new Map(
			groups.flatMap(group => group.devices.map(({id}) => [id, group.owners[0]?.vm] as const)),
		);
		for (let tries = 0; tries < TRIES; tries++) {
			const {units, eventLogs} = this.source.units();
			const parts = partsOf(units, devices);
			const view = this.pages.view();
			const found = await readDomains(this.pages, view, parts, this.last?.domains ?? [], beyond);
			if (found === undefined) continue;
			const hosts = new Map(devices.map(device => [keyOf(device.id), device]));
			const named = found.devices.map(device => {
				const own = hosts.get(device.rid);
				const vm = own && vmOf.get(own.id);
				return {...device, driver: own?.driver ?? '', ...(vm === undefined ? {} : {vm})};
			});
			const pending = await this.pendingEvents(eventLogs);
			this.last = {
				domains: found.domains.map(domain => withVm(domain, named)),
				devices: named,
				owned: this.source.ranges.map(({hpa, bytes}) => ({
					hpa,
					pages: Math.floor(bytes / PAGE_SIZE),
					owner: UNKNOWN,
				})),
				unit: combined(parts, found.rids),
				notes: [...notesOf(parts), ...found.undecoded, ...pending],
			};
			break;
		}
		if (this.last === undefined) throw new KcoreError('the tables change faster than they can be read');
		this.next = this.now() + SHARE * (this.now() - start);
		return this.last;
	}

	/** The tables as last seen, as a capture keeps them. */
	save(): string {
		return savedTables(this.source, this.pages.entries());
	}

	close(): void {
		this.source.close();
	}

	/** AMD-Vi's log is in memory. The kernel empties an entry once it has printed it. */
	private async pendingEvents(logs: readonly number[]): Promise<string[]> {
		const words = new Uint32Array(PAGE_SIZE / 4);
		const found: string[] = [];
		for (const log of logs)
			for (let at = 0; at < EVENT_LOG_BYTES; at += PAGE_SIZE) {
				if (!(await this.source.memory.readPage(log + at, words))) continue;
				for (let i = 0; i < words.length; i += 4) {
					if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) === 0) continue;
					const event = amdvi.decodeEvent(words[i], words[i + 1], words[i + 2], words[i + 3]);
					found.push(
						`In the event log: ${amdvi.eventText(event.type, event.flags)}, function ${event.rid.toString(16).padStart(4, '0')}, address 0x${event.address.toString(16)}.`,
					);
				}
			}
		return found.slice(0, MOST_EVENTS);
	}
}

const MOST_EVENTS = 8;

/** The requester ID with its segment, as OneUnit's others have it; undefined for other devices. */
export function keyOf(id: string): Rid | undefined {
	const [, segment, bus, slot, fn] = /^([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(id) ?? [];
	if (segment === undefined) return undefined;
	const [s, b, d] = [segment, bus, slot].map(digits => Number.parseInt(digits, 16));
	return s * 0x10000 + ridOf(b, d, Number(fn));
}

/** Each unit with its functions: VT-d's by sysfs, which names a device's unit; AMD-Vi's by segment. */
function partsOf(units: readonly KernelUnit[], devices: readonly HostDevice[]): UnitFunctions[] {
	if (units.length === 0) throw new KcoreError('the kernel’s list of units is empty');
	return units.map(({unit, name, segment}) => ({
		unit,
		name,
		segment,
		functions: devices.flatMap(device => {
			const rid = keyOf(device.id);
			if (rid === undefined || Math.floor(rid / 0x10000) !== segment) return [];
			const isOwn = unit.format === 'amd-vi' || units.length === 1 || device.unit === name;
			return isOwn ? [{rid, name: shortId(device.id)}] : [];
		}),
	}));
}

function combined(parts: readonly UnitFunctions[], rids: readonly (readonly Rid[])[]): Unit {
	const [first, ...others] = parts.map(({unit}, i) => ({unit, rids: rids[i]}));
	return others.length === 0 ? first.unit : {...first.unit, others};
}

/** A domain whose devices a VM has: its addresses are the guest's. */
function withVm(domain: Domain, devices: readonly {domain?: number; vm?: string}[]): Domain {
	const vm = devices.find(device => device.domain === domain.id && device.vm !== undefined)?.vm;
	return vm === domain.vm ? domain : {...domain, vm};
}

const notesOf = (parts: readonly UnitFunctions[]): string[] =>
	parts
		.filter(({unit}) => !unit.enabled)
		.map(({name}) => `${name || 'The IOMMU'} is not enabled: DMA is not translated.`);
