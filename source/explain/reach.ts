// The devices that reach a page of memory through the current tables, the guests that reach it with the CPU, and why.

import {hex, PAGE_SIZE} from '../formats/address.js';
import type {Device, MachineState, Vm} from '../machine/observed.js';
import type {Mapping, PhysicalReader} from '../machine/tables.js';
import {mappingsOf, type Tables} from './mappings.js';
import {domainWords, memoryWords} from './names.js';
import {type DomainView, ownerAt, rangesOf} from './ranges.js';
import {domainOf, startOf} from './walk.js';
import type {StartTables} from './walk-steps.js';

export type Reach = {
	/** The device or guest. */
	name: string;
	kind: 'host device' | 'passthru device' | 'guest';
	how: 'reads and writes' | 'reads' | 'writes' | 'nothing';
	/** The address it uses: an IOVA or a GPA. */
	at?: number;
	why: string;
};

/** Every function, then every guest. `views` has the machine's domains. */
export function reachOf(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
	hpa: number,
): Reach[] {
	const page = hpa - (hpa % PAGE_SIZE);
	const mappings = mappingFinder(memory, state, views, page);
	return [
		...state.devices.map(device => deviceReach(memory, state, device, page, mappings)),
		...state.vms.map(vm => guestReach(state, vm, page, mappings)),
	];
}

/** The page in a domain's tables; each domain is searched once. */
type FindMapping = (tables: Tables) => Mapping | undefined;

function mappingFinder(
	memory: PhysicalReader,
	{owned}: MachineState,
	views: readonly DomainView[],
	page: number,
): FindMapping {
	const known = new Map<string, Mapping | undefined>();
	return ({format, root, levels}) => {
		const key = `${root} ${levels}`;
		if (!known.has(key)) {
			const view = views.find(({domain}) => domain.root === root && domain.levels === levels);
			known.set(
				key,
				mappingTo(view?.ranges ?? rangesOf(mappingsOf(memory, {format, root, levels}), owned), page),
			);
		}
		return known.get(key);
	};
}

/** The page's first address in a domain, with the rights of all its mappings. */
function mappingTo(mappings: readonly Mapping[], page: number): Mapping | undefined {
	let found: Mapping | undefined;
	for (const {iova, hpa, pages, read, write} of mappings) {
		if ((!read && !write) || page < hpa || page >= hpa + pages * PAGE_SIZE) continue;
		if (found === undefined) found = {iova: iova + page - hpa, hpa: page, pages: 1, read, write};
		else {
			found.read ||= read;
			found.write ||= write;
		}
	}
	return found;
}

function deviceReach(
	memory: PhysicalReader,
	state: MachineState,
	{rid, name, driver}: Device,
	page: number,
	mappings: FindMapping,
): Reach {
	const start = startOf(memory, state.unit, rid);
	const kind = driver === 'ppt' ? 'passthru device' : 'host device';
	if (start.to === 'fault') return {name, kind, how: 'nothing', why: `${start.why}. All its DMA is refused.`};
	if (start.to === 'memory') {
		const how = howWords(start.read, start.write);
		const all = how === 'nothing' ? 'It has no access.' : 'It reaches all memory.';
		return {name, kind, how, at: how === 'nothing' ? undefined : page, why: `${start.why}. ${all}`};
	}
	const found = mappings(start);
	const place = placeWords(state, start);
	if (found === undefined) return {name, kind, how: 'nothing', why: `${place}, which does not map the page.`};
	const how = howWords(found.read && start.read, found.write && start.write);
	return {name, kind, how, at: found.iova, why: `${place}, which maps the page at ${hex(found.iova)}.`};
}

function placeWords(state: MachineState, start: StartTables): string {
	const domain = domainOf(state, {to: 'tables', ...start});
	return domain === undefined
		? `Its entry still points to the table at ${hex(start.root)} of a deleted domain`
		: `It is in ${domainWords(domain)}`;
}

function guestReach({vms, domains, owned}: MachineState, vm: Vm, page: number, mappings: FindMapping): Reach {
	const owner = ownerAt(owned, page);
	const {name, wired} = vm;
	if (owner !== name) {
		const buffer = owner === `bhyve ${name}` ? ', which the guest does not see' : '';
		const why = `The page is ${memoryWords(owner, {vms})}${buffer}.`;
		return {name, kind: 'guest', how: 'nothing', why};
	}
	const domain = domains.find(each => each.vm === name);
	return {
		name,
		kind: 'guest',
		how: 'reads and writes',
		at: domain && mappings(domain)?.iova,
		why: `The page is its own memory, ${wired ? 'wired, so it stays in place' : 'not wired, so it can move'}. CPU accesses bypass the IOMMU. bhyve maps the same page.`,
	};
}

const howWords = (read: boolean, write: boolean): Reach['how'] =>
	read ? (write ? 'reads and writes' : 'reads') : write ? 'writes' : 'nothing';
