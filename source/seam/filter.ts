import type {Range} from './ranges.js';
export const SORT_ORDERS = ['address', 'pages', 'owner'] as const;
export const parseFilter =
	(text: string): ((range: Range) => boolean) | string =>
	range =>
		range.owner.includes(text);
export const compareBy = (order: (typeof SORT_ORDERS)[number]) => (a: Range, b: Range) =>
	order === 'pages' ? b.pages - a.pages : a.iova - b.iova;
