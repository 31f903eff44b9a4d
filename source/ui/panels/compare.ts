// The transfer in the form, or the guests' own work, under every policy side by side, each on a machine of its own.

import type {Comparison} from '../../machine/workload.js';
import {grouped, sizeText} from '../../words.js';
import {keySign} from '../glyphs.js';
import {fit, type Row, type Span, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import {DATA_TONES} from './transfers.js';

const LABEL = 22;
const COLUMN = 19;

const LINES: readonly (readonly [label: string, of: (one: Comparison) => Span])[] = [
	['verdict', ({data}) => [data, DATA_TONES[data]]],
	['path', ({path}) => path],
	['bytes landed', ({landed, bytes}) => `${sizeText(landed)} of ${sizeText(bytes)}`],
	['bytes copied', ({copied}) => [sizeText(copied), copied > 0 ? 'warn' : 'plain']],
	['faults', ({faults}) => [grouped(faults), faults > 0 ? 'bad' : 'plain']],
	['time, measured here', ({measuredMs}) => `${measuredMs.toFixed(2)} ms`],
	['pages missing', ({missing}) => [grouped(missing), missing > 0 ? 'bad' : 'plain']],
	['guest pages in reach', ({hostReach}) => grouped(hostReach)],
];

export function comparePanel({compared}: Ui, width: number): List {
	if (compared === undefined)
		return list(
			'COMPARE',
			wrap(
				'Enter runs the transfer in the form under remove, keep and bounce, each on a machine of its own; w has the guests do 200 requests of their own there.',
				width - 2,
			).map((line): Row => [` ${line.trim()}`]),
		);
	const {what, results} = compared;
	const rows: Row[] = [
		[fit('', LABEL), ...results.map(({policy}): Span => [fit(policy, COLUMN), 'title'])],
		...LINES.map(
			([label, of]): Row => [
				[` ${fit(label, LABEL - 1)}`, 'dim'],
				...results.map((one): Span => {
					const span = of(one);
					return typeof span === 'string' ? fit(span, COLUMN) : [fit(span[0], COLUMN), span[1]];
				}),
			],
		),
		[],
		...wrap(
			'The time is of this computer at this moment; all else is the same each time. Guest pages in reach are what host devices could read and write: the price of keep, as it is without any passthru device.',
			width - 2,
		).map((line): Row => [[` ${line.trim()}`, 'dim']]),
	];
	return list(`COMPARE ─ ${what} ─ ${keySign('⏎')} again`, rows);
}
