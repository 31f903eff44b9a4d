// Lists that are filtered by what their rows say: those stay that hold every word that is typed.

import type {Row} from '../../text/rows.js';
import type {Ui} from './store.js';

const LISTS = ['groups', 'events'] as const;
export type ListId = (typeof LISTS)[number];
export const isFilteredList = (panel: string): panel is ListId => LISTS.some(list => list === panel);

/** A filter works while it is typed. */
export const filterOf = ({filters, prompt, focus}: Ui, panel: keyof Ui['filters']): string =>
	prompt?.asks === 'filter' && focus === panel ? prompt.text : (filters[panel] ?? '');

/** Capitals are as small letters. */
export function matchesWords(filter: string): (text: string) => boolean {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	return text => {
		const small = text.toLowerCase();
		return words.every(word => small.includes(word));
	};
}

/** What a filter leaves, as a row above the list; none without a filter. */
export const filterRows = (filter: string, left: number, all: number): Row[] =>
	filter.trim() === '' ? [] : [[[` ${left} of ${all} rows: ${filter}`, 'key']]];
