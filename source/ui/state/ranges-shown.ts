// The rows of a domain's table as they are shown: filtered and sorted, anew only when the table or the wish changes.

import {parseFilter, SORTS} from '../../explain/filter.js';
import type {DomainView} from '../../explain/ranges.js';
import type {Ui} from './store.js';
import {filterOf} from './text-filter.js';
import {type ShownRange, unfolded} from './unfold.js';
import type {PanelId} from './views.js';

export type Shown = {view: DomainView; ranges: readonly ShownRange[]; filter: string; problem?: string};

export const hostOf = ({views}: Ui): DomainView | undefined =>
	views.find(({domain}) => domain.role === 'host');
export const guestOf = ({views, form}: Ui): DomainView | undefined =>
	views.find(({domain}) => domain.vm !== undefined && domain.vm === form.vm);

/** The one that is chosen in the list of domains. */
export const chosenDomain = ({views, places}: Ui): DomainView | undefined =>
	views[Math.min(places.domains?.cursor ?? 0, views.length - 1)];

/** The panels that show a domain's table. */
export type TableId = 'host' | 'guest' | 'domain';
export const isTable = (panel: PanelId): panel is TableId =>
	panel === 'host' || panel === 'guest' || panel === 'domain';
const viewFor = {host: hostOf, guest: guestOf, domain: chosenDomain};

const latest = new WeakMap<DomainView, {key: string; shown: Shown}>();

/** Undefined where there is no such domain. */
export function rangesShown(ui: Ui, panel: TableId): Shown | undefined {
	const view = viewFor[panel](ui);
	if (view === undefined) return undefined;
	const filter = filterOf(ui, panel);
	const order = SORTS[ui.sorts[panel] ?? 0] ?? SORTS[0];
	const open = ui.unfolded[panel];
	const key = `${order.name} ${filter} ${[...(open ?? [])].join()}`;
	const known = latest.get(view);
	if (known?.key === key) return known.shown;
	const parsed = parseFilter(filter);
	const kept = 'wrong' in parsed || filter.trim() === '' ? view.ranges : view.ranges.filter(parsed.keeps);
	const ranges = unfolded(order.name === 'address' ? kept : kept.toSorted(order.compare), open);
	const shown = {view, ranges, filter, problem: 'wrong' in parsed ? parsed.wrong : undefined};
	latest.set(view, {key, shown});
	return shown;
}
