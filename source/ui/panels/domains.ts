// The domains of a machine that has as many as its kernel likes, with the functions that are in each.

import {isIdentity} from '../../explain/mappings.js';
import {domainName, usersOf} from '../../explain/snapshot.js';
import type {MachineState} from '../../machine/observed.js';
import {grouped} from '../../words.js';
import {type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

export function domainsPanel({state, views, changed}: Ui, width: number): List {
	if (views.length === 0) return list('DOMAINS', prose(whyNone(state), width));
	const names = Math.max(5, ...views.map(({domain}) => domainName(domain).length + 1));
	const rows = views.map(({domain, mappedPages}): Row => {
		const pages = isIdentity(domain) ? 'all, 1:1' : grouped(mappedPages);
		return [domainName(domain).padStart(names), pages.padStart(11), `  ${usersOf(domain, state.devices)}`];
	});
	const lit = new Set([...changed].map(key => Number(key.slice(0, key.indexOf(':')))));
	return {
		...list(`DOMAINS ─ ${views.length}`, rows, [[[`${'id'.padStart(names)}      pages  functions`, 'dim']]]),
		lit: index => lit.has(views[index].domain.id),
		selects: true,
	};
}

function whyNone({host, unit}: MachineState): string[] {
	if (host !== undefined)
		return host.notSeen
			.filter(({what}) => what.startsWith('page tables'))
			.flatMap(({what, how}) => [what, how]);
	return [
		unit?.enabled
			? 'No function is in any domain yet.'
			: 'The IOMMU is not switched on yet: nothing that devices do is translated.',
	];
}

const prose = (texts: readonly string[], width: number): Row[] =>
	texts.flatMap(text => wrap(text, width - 2)).map(line => [[` ${line.trim()}`, 'dim']]);
