// The domains of a machine that has as many as its kernel likes, with the functions that are in each.

import {isIdentity} from '../../seam/mappings.js';
import {usersOf} from '../../seam/snapshot.js';
import {grouped} from '../../words.js';
import {type Content, fixed, list} from '../content.js';
import {type Row, wrap} from '../rows.js';
import type {Ui} from '../store.js';

export function domainsPanel({state, views, changed}: Ui, width: number): Content {
	if (views.length === 0) return fixed('DOMAINS', whyNone(state.unit?.enabled ?? false, width));
	const rows = views.map(({domain, mappedPages}): Row => {
		const pages = isIdentity(domain) ? 'all, 1:1' : grouped(mappedPages);
		return [`${domain.id}`.padStart(5), pages.padStart(11), `  ${usersOf(domain, state.devices)}`];
	});
	const lit = new Set([...changed].map(key => Number(key.slice(0, key.indexOf(':')))));
	return {
		...list(`DOMAINS ─ ${views.length}`, rows, [[['   id      pages  functions', 'dim']]]),
		lit: index => lit.has(views[index].domain.id),
		selects: true,
	};
}

function whyNone(enabled: boolean, width: number): Row[] {
	const text = enabled
		? 'No function is in any domain yet.'
		: 'The IOMMU is not switched on yet: nothing that devices do is translated.';
	return wrap(text, width - 2).map((line): Row => [[` ${line.trim()}`, 'dim']]);
}
