// A host's IOMMU units and what each can do; where there are none, why.

import {type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

export function unitsPanel({state: {host}}: Ui, width: number): List {
	if (host === undefined) return list('UNITS', []);
	const {facts, booted, units, tables} = host;
	const prose = (text: string, row: (line: string) => Row): Row[] =>
		wrap(text, width - 2).map((line, i) => row(i === 0 ? ` ${line}` : `   ${line.trim()}`));
	return list(`UNITS ─ ${units.length}`, [
		...units.flatMap(({name, facts, capabilities}) => [
			...prose(`${name}  ${facts}`, line => [line]),
			...capabilities.flatMap(text => prose(`  ${text}`, line => [[line, 'dim']])),
		]),
		...prose(facts.join(' · '), line => [[line, 'dim']]),
		...(booted.length > 0 ? prose(`booted with ${booted.join(' ')}`, line => [[line, 'dim']]) : []),
		...tables.map((text): Row => [[` ${text}`, 'dim']]),
	]);
}
