// The rows of a domain's table as they are shown: filtered, sorted, unfolded.

import {parseFilter, SORTS} from '../../explain/filter.js';
import type {DomainView} from '../../explain/ranges.js';
import {chosenOf} from './list.js';
import type {Ui} from './store.js';
import {filterOf} from './text-filter.js';
import {type ShownRange, unfolded} from './unfold.js';
import type {PanelId} from './views.js';

export type Shown = {view: DomainView; ranges: readonly ShownRange[]; filter: string; problem?: string};

export const hostOf = ({views}: Ui): DomainView | undefined =>
	views.find(({domain}) => domain.role === 'host');
export const guestOf = ({views, form}: Ui): DomainView | undefined =>
	views.find(({domain}) => domain.vm !== undefined && domain.vm === form.vm);

/** The one that is chosen in the list of domains; in the lab, what a real guest's own kernel has made for its disk. */
export const chosenDomain = ({kind, views, places}: Ui): DomainView | undefined =>
	kind === 'lab'
		? views.find(({domain}) => domain.role === 'os')
		: chosenOf(views, ({domain}) => domain.id, places.domains);

/** The panels that show a domain's table. */
export type TableId = 'host' | 'guest' | 'domain';
export const isTable = (panel: PanelId): panel is TableId =>
	panel === 'host' || panel === 'guest' || panel === 'domain';
const viewFor = {host: hostOf, guest: guestOf, domain: chosenDomain};

/** The domain that a panel shows; undefined where there is none. */
export const viewOf = (ui: Ui, panel: TableId): DomainView | undefined => viewFor[panel](ui);

/** A domain's rows, filtered, sorted and unfolded. */
export function rangesOf(
	view: DomainView,
	filter: string,
	sort = 0,
	open: ReadonlySet<string> | undefined = undefined,
): Shown {
	const order = SORTS[sort] ?? SORTS[0];
	const parsed = parseFilter(filter);
	const kept = 'wrong' in parsed || filter.trim() === '' ? view.ranges : view.ranges.filter(parsed.keeps);
	const ranges = unfolded(order.name === 'address' ? kept : kept.toSorted(order.compare), open);
	return {view, ranges, filter, problem: 'wrong' in parsed ? parsed.wrong : undefined};
}

/** The same for a command: once per key press. */
export function rangesShown(ui: Ui, panel: TableId): Shown | undefined {
	const view = viewOf(ui, panel);
	return view && rangesOf(view, filterOf(ui, panel), ui.sorts[panel], ui.unfolded[panel]);
}
