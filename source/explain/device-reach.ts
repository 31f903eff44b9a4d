// The memory that a device reaches through the tables as they are now: pages by owner, and a sentence.

import {PAGE_SIZE} from '../formats/address.js';
import {OWNER as TABLES} from '../kernel/page-table.js';
import type {Device, MachineState} from '../machine/observed.js';
import type {PhysicalReader} from '../machine/tables.js';
import {grouped, plural} from '../words.js';
import {mappingsOf} from './mappings.js';
import {type DomainView, FREE, NO_MEMORY, type Range, rangesOf, UNKNOWN} from './ranges.js';
import {startOf} from './walk.js';
import type {StartTables} from './walk-steps.js';

export type DeviceReach = {
	/** Pages by owner, most first. A page counts once, however often it is mapped. */
	owners: readonly {owner: string; pages: number}[];
	/** The lowest address that leads anywhere. */
	lowest?: number;
	/** 16,384 pages of vm0, nothing else */
	brief: string;
	/** ppt0 reaches 16,384 pages of vm0, nothing else. */
	sentence: string;
};

/** `views` has the machine's domains. */
export function reachOfDevice(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
	device: Device,
): DeviceReach {
	const {name} = device;
	const start = startOf(memory, state.unit, device.rid);
	if (start.to === 'tables') {
		const ranges = reached(rangesAt(memory, state, views, start), start);
		return tablesReach(state, device, ranges);
	}
	if (start.to === 'fault' || (!start.read && !start.write))
		return {owners: [], brief: 'nothing', sentence: `${name} reaches nothing. ${start.why}.`};
	const brief = start.write
		? start.read
			? 'all memory'
			: 'all memory, only to write'
		: 'all memory, only to read';
	return {owners: [], lowest: 0, brief, sentence: `${name} reaches ${brief}. ${start.why}.`};
}

function rangesAt(
	memory: PhysicalReader,
	{owned}: MachineState,
	views: readonly DomainView[],
	{format, root, levels}: StartTables,
): readonly Range[] {
	const view = views.find(({domain}) => domain.root === root && domain.levels === levels);
	return view?.ranges ?? rangesOf(mappingsOf(memory, {format, root, levels}), owned);
}

/** The ranges that lead to memory, with the rights that the device's own entry leaves. */
const reached = (ranges: readonly Range[], {read, write}: StartTables): Range[] =>
	ranges.flatMap(range => {
		const rights = {read: range.read && read, write: range.write && write};
		return range.owner === NO_MEMORY || !(rights.read || rights.write) ? [] : [{...range, ...rights}];
	});

function tablesReach({vms}: MachineState, {name, vm}: Device, ranges: readonly Range[]): DeviceReach {
	const pages = new Map<string, number>();
	let end = 0;
	// A page that is mapped twice follows itself in the order of memory.
	for (const {hpa, pages: length, owner} of ranges.toSorted((a, b) => a.hpa - b.hpa)) {
		const stop = hpa + length * PAGE_SIZE;
		const own = Math.max(0, stop - Math.max(hpa, end)) / PAGE_SIZE;
		pages.set(owner, (pages.get(owner) ?? 0) + own);
		end = Math.max(end, stop);
	}
	const owners = [...pages]
		.map(([owner, count]) => ({owner, pages: count}))
		.sort((a, b) => b.pages - a.pages);
	const missed = vm === undefined ? vms.filter(each => !pages.has(each.name)).map(each => each.name) : [];
	const none = owners.length > 0 && missed.length > 0 ? `nothing of ${guestsWords(missed)}; ` : '';
	const only = owners.length === 1 && missed.length === 0 ? ', nothing else' : '';
	const brief = `${none}${ownersWords(owners)}${rightsWords(ranges)}${only}`;
	// Nothing keeps a 1:1 domain from mapping the tables themselves.
	const own = ranges.some(({owner, write}) => owner === TABLES && write)
		? " It can write to the IOMMU's own tables."
		: '';
	return {owners, lowest: ranges[0]?.iova, brief, sentence: `${name} reaches ${brief}.${own}`};
}

const MOST = 3;

/** 16,384 pages of vm0, nothing else; 65,536 pages: 49,152 of vm1, 16,384 free */
function ownersWords(owners: DeviceReach['owners']): string {
	if (owners.length === 0) return 'nothing';
	const total = owners.reduce((sum, {pages}) => sum + pages, 0);
	if (owners.length === 1) {
		const [{owner}] = owners;
		const whose = owner === FREE ? ' of free memory' : owner === UNKNOWN ? '' : ` of ${owner}`;
		return `${plural(total, 'page')}${whose}`;
	}
	const shown = owners.slice(0, MOST);
	const rest = total - shown.reduce((sum, {pages}) => sum + pages, 0);
	const parts = shown.map(
		({owner, pages}) => `${grouped(pages)} ${owner === FREE ? FREE : `of ${owner || 'unknown owners'}`}`,
	);
	return `${plural(total, 'page')}: ${[...parts, ...(rest > 0 ? [`${grouped(rest)} of others`] : [])].join(', ')}`;
}

function guestsWords(guests: readonly string[]): string {
	const more = guests.length > MOST ? ` and ${guests.length - MOST} more guests` : '';
	return `${guests.slice(0, MOST).join(', ')}${more}`;
}

function rightsWords(ranges: readonly Range[]): string {
	if (ranges.length === 0) return '';
	if (ranges.every(({write}) => !write)) return ', only to read';
	if (ranges.every(({read}) => !read)) return ', only to write';
	return ranges.every(({read, write}) => read && write) ? '' : ', some only to read or to write';
}
