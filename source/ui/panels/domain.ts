// A domain's table, decoded from the bits in memory: the host's by owner, a guest's with where its pages are.

import {type DomainView, NO_MEMORY, type Range} from '../../explain/ranges.js';
import {domainName, usersOf} from '../../explain/snapshot.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {grouped, plural} from '../../words.js';
import {type Row, type Span, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import {rangesShown, type Shown} from '../state/ranges-shown.js';
import {holds, rangeKey, shownTransfer, type Ui} from '../state/store.js';
import type {ShownRange} from '../state/unfold.js';

/** From this width on, addresses have their 0x and names are written out. */
const WIDE = 56;

export function hostPanel(ui: Ui, width: number): List {
	const shownRanges = rangesShown(ui, 'host');
	if (shownRanges === undefined) {
		return list('HOST DOMAIN', [
			[' There is no host domain yet: it is made when the'],
			[' first passthru device is bound to a VM.'],
		]);
	}
	const {view} = shownRanges;
	const {domain, mappedPages, removedPages} = view;
	const wide = width >= WIDE;
	const removed = removedPages > 0 ? ` · ${grouped(removedPages)} removed` : '';
	const counts =
		wide || removedPages === 0
			? `${plural(mappedPages, 'page')}${removed}`
			: `${plural(removedPages, 'page')} gone`;
	const shown = shownTransfer(ui);
	const looked = shown?.command.do === 'dma' ? undefined : shown?.iova;
	const columns = columnsOf(view, width, 0);
	const head: Row = [
		[` ${'IOVA = HPA'.padEnd(columns.range)}${'pages'.padStart(columns.pages)} rw owner`, 'dim'],
	];
	return table(ui, shownRanges, `HOST DOMAIN ${domain.id} ─ ${counts}`, head, range => {
		const gone = !range.read && !range.write;
		const wired = ui.state.vms.some(vm => vm.name === range.owner && vm.wired);
		const owner = wired && wide ? `${range.owner}, wired` : range.owner;
		return [
			mark(range, looked),
			indent(range),
			columns.rangeText(range),
			grouped(range.pages).padStart(columns.pages),
			' ',
			rights(range),
			gone ? [` ${owner} ✗${wide ? ' removed' : ''}`, 'bad'] : [` ${owner}`, wired ? 'guest' : 'plain'],
		];
	});
}

export function guestPanel(ui: Ui, width: number): List {
	const {vm} = ui.form;
	const shownRanges = rangesShown(ui, 'guest');
	if (shownRanges === undefined) return withoutDomain(ui, vm, width);
	const {view} = shownRanges;
	const title = `GUEST DOMAIN ${view.domain.id} ─ ${vm} ─ ${plural(view.mappedPages, 'page')}`;
	return translated(ui, shownRanges, title, ['GPA', 'HPA'], width, shownTransfer(ui)?.command.gpa);
}

/** The domain that is chosen among those that a machine's own kernel has made. */
export function domainPanel(ui: Ui, width: number): List {
	const shownRanges = rangesShown(ui, 'domain');
	if (shownRanges === undefined) return list('DOMAIN', [[[' There is none.', 'dim']]]);
	const {domain, mappedPages} = shownRanges.view;
	const title = `DOMAIN ${domainName(domain)} ─ ${usersOf(domain, ui.state.devices)} ─ ${plural(mappedPages, 'page')}`;
	return translated(ui, shownRanges, title, ['IOVA', 'address'], width);
}

/** A table with where each run leads; `marked` is an address to point at. */
function translated(
	ui: Ui,
	shownRanges: Shown,
	title: string,
	[from, to]: readonly [from: string, to: string],
	width: number,
	marked?: number,
): List {
	const {view} = shownRanges;
	const digits = digitsOf(view.ranges.map(({hpa, pages}) => hpa + pages * PAGE_SIZE));
	const target = digits + 3;
	const columns = columnsOf(view, width, target);
	const prefix = width >= WIDE ? '0x' : '';
	const head: Row = [
		[
			` ${from.padEnd(columns.range)}${` → ${to}`.padEnd(target + prefix.length)}${'pages'.padStart(columns.pages)} rw`,
			'dim',
		],
	];
	return table(ui, shownRanges, title, head, range => [
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

/** A guest with no domain of its own: what of it the host's devices reach is counted in the host's table. */
function withoutDomain({state, views}: Ui, vm: string, width: number): List {
	const pages = state.vms.find(({name}) => name === vm)?.pages ?? 0;
	if (pages === 0) return list('GUEST', [[' There is no guest.']]);
	const host = views.find(({domain}) => domain.role === 'host')?.ranges ?? [];
	const reachable = host.filter(range => range.owner === vm && (range.read || range.write));
	const count = reachable.reduce((sum, range) => sum + range.pages, 0);
	const some = count === pages ? `All ${grouped(pages)}` : `${grouped(count)} of the ${grouped(pages)}`;
	const text = `${vm} has no passthru device, so no domain. ${some} pages of its memory are in the host domain.`;
	return list(
		`${vm} ─ no domain of its own`,
		wrap(text, width - 2).map(line => [` ${line.trim()}`]),
	);
}

function table(
	ui: Ui,
	{view, ranges, filter, problem}: Shown,
	title: string,
	head: Row,
	row: (range: ShownRange) => Row,
): List {
	const {domain} = view;
	const filtered = problem ?? `${plural(ranges.length, 'row')} of ${grouped(view.ranges.length)}: ${filter}`;
	return {
		title,
		head: filter === '' ? [head] : [head, [[` ${filtered}`, problem === undefined ? 'key' : 'warn']]],
		count: ranges.length,
		row: index => row(ranges[index]),
		lit: index => ui.changed.has(rangeKey(domain.id, ranges[index])),
		selects: true,
	};
}

/** Where the transfer that is shown was looked up, in the host's table; in the guest's, where its buffer is. */
const mark = (range: Range, address: number | undefined): Span =>
	address !== undefined && holds(range, address) ? ['▸', 'key'] : ' ';

/** Unfolded parts stand a step to the right; there is room for it where a run's column is. */
const indent = ({depth = 0}: ShownRange): Span => [' '.repeat(depth), 'dim'];

const rights = ({read, write}: Range): Span =>
	read || write ? [`${read ? 'r' : '-'}${write ? 'w' : '-'}`, 'good'] : ['--', 'bad'];

const digitsOf = (ends: readonly number[]): number =>
	Math.max(8, (Math.max(0, ...ends) - 1).toString(16).length);

/** `first–last`, or only `first` where the panel is too narrow for both; `beside` columns stand between. */
function columnsOf({ranges}: DomainView, width: number, beside: number) {
	const digits = digitsOf(ranges.slice(-1).map(({iova, pages}) => iova + pages * PAGE_SIZE));
	const prefix = width >= WIDE ? '0x' : '';
	const pages = 1 + Math.max(6, ...ranges.map(range => grouped(range.pages).length));
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
