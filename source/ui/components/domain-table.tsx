// A domain's table, decoded from the bits in memory: the host's by owner, a guest's with where its pages are.

import type {BoxProps} from 'ink';
import {memo, useMemo} from 'react';
import {domainName, functionsIn} from '../../explain/names.js';
import {type DomainView, NO_MEMORY, type Range} from '../../explain/ranges.js';
import {PAGE_SIZE} from '../../formats/address.js';
import type {Vm} from '../../machine/observed.js';
import type {Row, Span} from '../../text/rows.js';
import {grouped, plural} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useRanges} from '../hooks/use-ranges.js';
import {useParts, useStore, useUi} from '../hooks/use-ui.js';
import {canWalk, openWalk} from '../state/access.js';
import type {List} from '../state/list.js';
import {hostOf, type Shown, type TableId} from '../state/ranges-shown.js';
import {holds, type Lit, rangeKey, shownTransfer, type Ui} from '../state/store.js';
import type {ShownRange} from '../state/unfold.js';
import {toneOfGuest} from '../theme.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';
import {Prose} from './prose.js';

/** From this width on, addresses have their 0x and names are written out. */
const WIDE = 56;

export const HostTable = memo(function HostTable(layout: BoxProps) {
	const size = useMeasured();
	const shown = useRanges('host');
	const enter = useWalkOfRow(shown);
	const {changed, wired, guests, looked} = useParts(ui => ({
		changed: ui.changed,
		wired: namesOf(ui, ({wired}) => wired),
		guests: namesOf(ui),
		looked: lookedAt(ui),
	}));
	const {width} = size;
	const list = useMemo(
		() => shown && hostList(shown, width, changed, {wired, guests}, looked),
		[shown, width, changed, wired, guests, looked],
	);
	if (list === undefined)
		return (
			<Panel id="host" title="HOST DOMAIN" inside={size.ref} {...layout}>
				<Prose>No host domain yet: vmm makes it when the first passthru device is bound to a VM.</Prose>
			</Panel>
		);
	return <ListPanel id="host" list={list} size={size} enter={enter} {...layout} />;
});

export const GuestTable = memo(function GuestTable(layout: BoxProps) {
	const size = useMeasured();
	const shown = useRanges('guest');
	const enter = useWalkOfRow(shown);
	const {changed, vm, gpa} = useParts(ui => ({
		changed: ui.changed,
		vm: ui.form.vm,
		gpa: bufferOf(ui),
	}));
	const {width} = size;
	const list = useMemo(() => {
		if (shown === undefined) return undefined;
		const {domain, mappedPages} = shown.view;
		const title = `GUEST DOMAIN ${domain.id} ─ ${vm} ─ ${plural(mappedPages, 'page')}`;
		return translated(shown, title, ['GPA', 'HPA'], width, changed, gpa);
	}, [shown, width, changed, vm, gpa]);
	if (list === undefined) return <WithoutDomain {...layout} />;
	return <ListPanel id="guest" list={list} size={size} enter={enter} {...layout} />;
});

/** The chosen one of the domains that a machine's own kernel has made. */
export const DomainTable = memo(function DomainTable(layout: BoxProps) {
	const size = useMeasured();
	const shown = useRanges('domain');
	const enter = useWalkOfRow(shown);
	const {changed, devices} = useParts(({changed, state}) => ({changed, devices: state.devices}));
	const {width} = size;
	const list = useMemo(() => {
		if (shown === undefined) return undefined;
		const {domain, mappedPages} = shown.view;
		const title = `DOMAIN ${domainName(domain)} ─ ${functionsIn(domain, devices)} ─ ${plural(mappedPages, 'page')}`;
		const heads: [string, string] = domain.vm === undefined ? ['IOVA', 'address'] : ['GPA', 'HPA'];
		return translated(shown, title, heads, width, changed);
	}, [shown, width, changed, devices]);
	if (list === undefined)
		return (
			<Panel id="domain" title="DOMAIN" inside={size.ref} {...layout}>
				<Prose>No domain yet: one appears when the kernel attaches a device to it.</Prose>
			</Panel>
		);
	return <ListPanel id="domain" list={list} size={size} enter={enter} {...layout} />;
});

/** Opens the walk of a row's first address, by the first device in the domain. */
function useWalkOfRow(shown: Shown | undefined): ((index: number) => void) | undefined {
	const store = useStore();
	const domain = shown?.view.domain.id;
	const rid = useUi(ui =>
		canWalk(ui) ? ui.state.devices.find(device => device.domain === domain)?.rid : undefined,
	);
	return useMemo(() => {
		if (shown === undefined || rid === undefined) return undefined;
		return index => {
			const {iova, read, write} = shown.ranges[index];
			openWalk(store, {rid, iova, write: write || !read});
		};
	}, [store, shown, rid]);
}

/** Where the shown transfer was looked up in the host's table; a passthru device's was not. */
function lookedAt(ui: Ui): number | undefined {
	const shown = shownTransfer(ui);
	return shown?.command.do === 'dma' && shown.vm !== undefined ? undefined : shown?.iova;
}

/** Where the shown transfer's buffer is in the guest. */
function bufferOf(ui: Ui): number | undefined {
	const shown = shownTransfer(ui);
	return shown?.vm === undefined ? undefined : shown.command.gpa;
}

/** One text, so that the same names are the same for React. */
const namesOf = ({state}: Ui, wanted: (vm: Vm) => boolean = () => true): string =>
	state.vms.flatMap(vm => (wanted(vm) ? [vm.name] : [])).join(' ');

function hostList(
	shown: Shown,
	width: number,
	changed: Lit,
	vms: {readonly wired: string; readonly guests: string},
	looked: number | undefined,
): List {
	const {domain, mappedPages, removedPages} = shown.view;
	const wide = width >= WIDE;
	const removed = removedPages > 0 ? ` · ${grouped(removedPages)} removed` : '';
	const counts =
		wide || removedPages === 0
			? `${plural(mappedPages, 'page')}${removed}`
			: `${plural(removedPages, 'page')} gone`;
	const columns = columnsOf(shown.view, width, 0);
	const wired = new Set(vms.wired.split(' '));
	const guests = vms.guests.split(' ');
	const head: Row = [
		[` ${'IOVA = HPA'.padEnd(columns.range)}${'pages'.padStart(columns.pages)} rw owner`, 'dim'],
	];
	return table(shown, `HOST DOMAIN ${domain.id} ─ ${counts}`, head, changed, range => {
		const gone = !range.read && !range.write;
		const isWired = wired.has(range.owner);
		const owner = isWired && wide ? `${range.owner}, wired` : range.owner;
		return [
			mark(range, looked),
			indent(range),
			columns.rangeText(range),
			grouped(range.pages).padStart(columns.pages),
			' ',
			rights(range),
			gone
				? [` ${owner} ✗${wide ? ' removed' : ''}`, 'bad']
				: [` ${owner}`, toneOfGuest(range.owner, guests)],
		];
	});
}

/** A table with where each run leads; `marked` is an address to point at. */
function translated(
	shown: Shown,
	title: string,
	[from, to]: readonly [from: string, to: string],
	width: number,
	changed: Lit,
	marked?: number,
): List {
	const {view} = shown;
	const digits = digitsOf(highest(view.ranges, ({hpa, pages}) => hpa + pages * PAGE_SIZE));
	const target = digits + 3;
	const columns = columnsOf(view, width, target);
	const prefix = width >= WIDE ? '0x' : '';
	const targetHead = ` → ${to}`.padEnd(target + prefix.length);
	const head: Row = [
		[` ${from.padEnd(columns.range)}${targetHead}${'pages'.padStart(columns.pages)} rw`, 'dim'],
	];
	return table(shown, title, head, changed, range => [
		mark(range, marked),
		indent(range),
		columns.rangeText(range),
		[' → ', 'dim'],
		prefix + range.hpa.toString(16).padStart(digits, '0'),
		grouped(range.pages).padStart(columns.pages),
		' ',
		rights(range),
		view.domain.role === 'os' && range.owner === NO_MEMORY ? [` ${NO_MEMORY}`, 'warn'] : '',
	]);
}

function table(
	{view, ranges, filter, problem}: Shown,
	title: string,
	head: Row,
	changed: Lit,
	row: (range: ShownRange) => Row,
): List {
	const {domain} = view;
	const filtered = problem ?? `${plural(ranges.length, 'row')} of ${grouped(view.ranges.length)}: ${filter}`;
	return {
		title,
		head: filter === '' ? [head] : [head, [[` ${filtered}`, problem === undefined ? 'key' : 'warn']]],
		count: ranges.length,
		row: index => row(ranges[index]),
		lit: index => changed.has(rangeKey(domain.id, ranges[index])),
		selects: true,
	};
}

/** A guest with no domain of its own: how much of it the host's devices reach. */
function WithoutDomain(layout: BoxProps) {
	const {vm, pages, host} = useParts(ui => ({
		vm: ui.form.vm,
		pages: ui.state.vms.find(({name}) => name === ui.form.vm)?.pages ?? 0,
		host: hostOf(ui),
	}));
	const count = useMemo(
		() => host?.ranges.reduce((sum, range) => sum + (isReached(range, vm) ? range.pages : 0), 0) ?? 0,
		[host, vm],
	);
	const some = count === pages ? `All ${grouped(pages)}` : `${grouped(count)} of the ${grouped(pages)}`;
	return (
		<Panel id="guest" title={pages === 0 ? 'GUEST' : `${vm} ─ no domain of its own`} {...layout}>
			<Prose>
				{pages === 0
					? 'No guest yet: a scenario with a create step starts one.'
					: `${vm} has no passthru device, so no domain. ${some} pages of its memory are in the host domain.`}
			</Prose>
		</Panel>
	);
}

const isReached = ({owner, read, write}: Range, vm: string): boolean => owner === vm && (read || write);

/** Where the shown transfer was looked up in the host's table; in the guest's, where its buffer is. */
const mark = (range: Range, address: number | undefined): Span =>
	address !== undefined && holds(range, address) ? ['▸', 'key'] : ' ';

/** Unfolded parts stand a step to the right; a run's column has room for it. */
const indent = ({depth = 0}: ShownRange): Span => [' '.repeat(depth), 'dim'];

const rights = ({read, write}: Range): Span =>
	read || write ? [`${read ? 'r' : '-'}${write ? 'w' : '-'}`, 'good'] : ['--', 'bad'];

const highest = (ranges: readonly Range[], of: (range: Range) => number): number =>
	ranges.reduce((most, range) => Math.max(most, of(range)), 0);

const digitsOf = (end: number): number => Math.max(8, (Math.max(0, end) - 1).toString(16).length);

/** `first–last`, or only `first` where the panel is too narrow for both; `beside` columns stand between. */
function columnsOf({ranges}: DomainView, width: number, beside: number) {
	const last = ranges.at(-1);
	const digits = digitsOf(last === undefined ? 0 : last.iova + last.pages * PAGE_SIZE);
	const prefix = width >= WIDE ? '0x' : '';
	const pages = 1 + Math.max(6, grouped(highest(ranges, range => range.pages)).length);
	const one = prefix.length + digits;
	const rest = 1 + beside + prefix.length + pages + 3 + (beside === 0 ? 7 : 0);
	const both = 2 * one + 1 + rest <= width;
	const text = (address: number) => prefix + address.toString(16).padStart(digits, '0');
	return {
		pages,
		range: both ? 2 * one + 1 : one,
		rangeText: ({iova, pages: n}: Range) =>
			both ? `${text(iova)}–${text(iova + n * PAGE_SIZE - 1)}` : text(iova),
	};
}

/** The table of a panel by its name. */
export const TABLES: Record<TableId, typeof HostTable> = {
	host: HostTable,
	guest: GuestTable,
	domain: DomainTable,
};
