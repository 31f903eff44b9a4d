import {useMemo} from 'react';
import {rangesOf, type Shown, type TableId, viewOf} from '../state/ranges-shown.js';
import {filterOf} from '../state/text-filter.js';
import {useParts} from './use-ui.js';

/** A domain's rows as its panel shows them: made again when its table, filter, order or folds change. */
export function useRanges(panel: TableId): Shown | undefined {
	const {view, filter, sort, open} = useParts(ui => ({
		view: viewOf(ui, panel),
		filter: filterOf(ui, panel),
		sort: ui.sorts[panel],
		open: ui.unfolded[panel],
	}));
	return useMemo(() => view && rangesOf(view, filter, sort, open), [view, filter, sort, open]);
}
