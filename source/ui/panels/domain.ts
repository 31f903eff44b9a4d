// A domain's table, decoded from the bits in memory: the host's by owner, a guest's with where its pages are.

import {hex, PAGE_SIZE} from '../../formats/address.js';
import type {DomainView, Range} from '../../seam/ranges.js';
import {type Content, fixed, grouped, list, plural} from '../content.js';
import type {Row, Span} from '../rows.js';
import {holds, rangeKey, type Ui} from '../store.js';

export function hostPanel(ui: Ui, width: number): Content {
	const view = ui.views.find(({domain}) => domain.role === 'host');
	if (view === undefined) {
		return fixed('HOST DOMAIN', [
			['There is no host domain yet: it is made when the'],
			['first passthru device is bound to a VM.'],
		]);
	}
	const {domain, mappedPages, removedPages} = view;
	const removed = removedPages > 0 ? ` · ${grouped(removedPages)} removed` : '';
	const looked = ui.last?.command.do === 'dma' ? undefined : ui.last?.iova;
	const head: Row = [
		[`  ${'IOVA = HPA'.padEnd(rangeWidth(view, width, 0))} ${'pages'.padStart(9)} rw owner`, 'dim'],
	];
	return table(
		ui,
		view,
		`HOST DOMAIN ${domain.id} ─ ${plural(mappedPages, 'page')}${removed}`,
		head,
		range => {
			const gone = !range.read && !range.write;
			const owner = ui.state.vms.some(({name}) => name === range.owner)
				? `${range.owner}, wired`
				: range.owner;
			return [
				mark(range, looked),
				rangeText(view, range, width, 0),
				grouped(range.pages).padStart(10),
				' ',
				rights(range),
				gone ? [` ${owner} ✗ removed`, 'bad'] : [` ${owner}`, owner.endsWith('wired') ? 'guest' : 'plain'],
			];
		},
	);
}

export function guestPanel(ui: Ui, width: number): Content {
	const {vm} = ui.form;
	const view = ui.views.find(({domain}) => domain.vm === vm);
	if (view === undefined) {
		const pages = ui.state.vms.find(({name}) => name === vm)?.pages ?? 0;
		return fixed(`${vm} ─ no domain of its own`, [
			[`${vm} has no passthru device, so no domain.`],
			[`Its ${plural(pages, 'page')} are in the host domain`],
			['under every policy: host devices reach them.'],
		]);
	}
	const title = `GUEST DOMAIN ${view.domain.id} ─ ${vm} ─ ${plural(view.mappedPages, 'page')}`;
	const target = digitsOf(view.ranges.map(({hpa, pages}) => hpa + pages * PAGE_SIZE));
	const arrow = target + 2;
	const name = 'GPA'.padEnd(rangeWidth(view, width, arrow));
	const head: Row = [[`  ${name} ${'→ HPA'.padEnd(arrow)} ${'pages'.padStart(6)} rw`, 'dim']];
	return table(ui, view, title, head, range => [
		mark(range, ui.last && ui.last.command.gpa),
		rangeText(view, range, width, arrow),
		['→', 'dim'],
		` ${hex(range.hpa, target)}`.replace(' 0x', width >= 56 ? ' 0x' : ' '),
		grouped(range.pages).padStart(8),
		' ',
		rights(range),
	]);
}

function table(ui: Ui, view: DomainView, title: string, head: Row, row: (range: Range) => Row): Content {
	const {ranges, domain} = view;
	return {
		...list(title, [], [head]),
		count: ranges.length,
		row: index => row(ranges[index]),
		lit: index => ui.changed.has(rangeKey(domain.id, ranges[index])),
	};
}

/** Where the last transfer was looked up. */
const mark = (range: Range, address: number | undefined): Span =>
	address !== undefined && holds(range, address) ? ['▸ ', 'key'] : '  ';

const rights = ({read, write}: Range): Span =>
	read || write ? [`${read ? 'r' : '-'}${write ? 'w' : '-'}`, 'good'] : ['--', 'bad'];

const digitsOf = (ends: readonly number[]): number =>
	Math.max(8, (Math.max(0, ...ends) - 1).toString(16).length);

/** `first–last`, or only `first` where the panel is too narrow for both. */
function rangeText(view: DomainView, {iova, pages}: Range, width: number, beside: number): string {
	const {digits, prefix, both} = addressForm(view, width, beside);
	const text = (address: number) => prefix + address.toString(16).padStart(digits, '0');
	return both ? `${text(iova)}–${text(iova + pages * PAGE_SIZE - 1)}` : text(iova);
}

function rangeWidth(view: DomainView, width: number, beside: number): number {
	const {digits, prefix, both} = addressForm(view, width, beside);
	return both ? 2 * (prefix.length + digits) + 1 : prefix.length + digits;
}

function addressForm({ranges}: DomainView, width: number, beside: number) {
	const digits = digitsOf(ranges.slice(-1).map(({iova, pages}) => iova + pages * PAGE_SIZE));
	const prefix = width >= 56 ? '0x' : '';
	const rest = beside === 0 ? 2 + 10 + 3 + 6 : 2 + beside + 8 + 3;
	return {digits, prefix, both: 2 * (prefix.length + digits) + 1 + rest <= width};
}
