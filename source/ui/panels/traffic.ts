// What the guests do on their own: the last minute, a tenth of a second at a time.

import type {Sample} from '../../machine/workload.js';
import {grouped, sizeText} from '../../words.js';
import {graph} from '../graph.js';
import {fit, type Row} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import type {Tone} from '../theme.js';

type Series = {name: string; tone: Tone; of: (sample: Sample) => number; text: (value: number) => string};

const SERIES: readonly Series[] = [
	{name: 'landed', tone: 'good', of: ({delivered}) => delivered, text: sizeText},
	{name: 'lost', tone: 'bad', of: ({lost}) => lost, text: sizeText},
	{name: 'faults', tone: 'graphFaults', of: ({faults}) => faults, text: grouped},
	{name: 'IOTLB hits', tone: 'graphHits', of: ({hits}) => hits, text: grouped},
];
const NAME = 11;
const VALUE = 10;

export function trafficPanel({machine, state}: Ui, width: number, height: number): List {
	const workload = machine.lab?.workload;
	if (workload === undefined) return list('LIFE', [[' This machine’s life is not the lab’s.']]);
	const {samples, running, rate} = workload;
	if (samples.length === 0)
		return list('LIFE', [[' Space has the guests read on their own; + and - change the pace.']]);
	const tall = Math.max(1, Math.floor((height - 1) / SERIES.length));
	const rows = SERIES.flatMap(({name, tone, of, text}): Row[] => {
		const values = samples.map(of);
		const lines = graph(values, {width: width - NAME - VALUE - 2, height: tall});
		const now = text(values.at(-1) ?? 0);
		return lines.map(
			(line, i): Row => [
				[` ${fit(i === 0 ? name : '', NAME)}`, 'dim'],
				[line, tone],
				[` ${fit(i === 0 ? now : '', VALUE)}`, 'plain'],
			],
		);
	});
	const {counters} = state;
	const cache = counters
		? ` the model’s IOTLB: ${grouped(counters.hits)} hits, ${grouped(counters.misses)} misses, ${grouped(counters.walks)} walks`
		: '';
	return list(`LIFE ─ ${running ? `${rate} a second` : 'paused'}`, [...rows, [[cache, 'dim']]]);
}
