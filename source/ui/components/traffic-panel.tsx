// What the guests do on their own: the last minute, a tenth of a second at a time.

import {Box, type BoxProps, Text} from 'ink';
import {memo} from 'react';
import type {Sample} from '../../machine/workload.js';
import {graph} from '../../text/graph.js';
import type {Tone} from '../../text/tones.js';
import {fit} from '../../text/width.js';
import {grouped, sizeText} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts} from '../hooks/use-ui.js';
import {Panel} from './panel.js';
import {Prose} from './prose.js';

type Series = {name: string; tone: Tone; of: (sample: Sample) => number; text: (value: number) => string};

const SERIES: readonly Series[] = [
	{name: 'arrived', tone: 'good', of: ({delivered}) => delivered, text: sizeText},
	{name: 'lost', tone: 'bad', of: ({lost}) => lost, text: sizeText},
	{name: 'faults', tone: 'graphFaults', of: ({faults}) => faults, text: grouped},
	{name: 'IOTLB hits', tone: 'graphHits', of: ({hits}) => hits, text: grouped},
];
const NAME = 11;
const VALUE = 10;

export const TrafficPanel = memo(function TrafficPanel(layout: BoxProps) {
	const theme = useTheme();
	const size = useMeasured();
	const {samples, running, rate, counters} = useParts(({machine, state}) => ({
		samples: machine.lab?.workload.samples,
		running: machine.lab?.workload.running ?? false,
		rate: machine.lab?.workload.rate ?? 0,
		counters: state.counters,
	}));
	const title = `TRAFFIC ─ ${running ? `${grouped(rate)}/s` : 'paused'}`;
	if (samples === undefined || samples.length === 0)
		return (
			<Panel id="traffic" title="TRAFFIC" inside={size.ref} {...layout}>
				<Prose tone="dim">Space starts reads by the guests; + and − change the rate.</Prose>
			</Panel>
		);
	// The counters of the IOTLB take the last row, where there is one.
	const spare = size.height > SERIES.length ? 1 : 0;
	const tall = Math.max(1, Math.floor((size.height - spare) / SERIES.length));
	const width = Math.max(1, size.width - NAME - VALUE - 2);
	return (
		<Panel id="traffic" title={title} inside={size.ref} {...layout}>
			{SERIES.map(({name, tone, of, text}) => (
				<Box key={name} flexShrink={0} height={tall}>
					<Text {...theme.dim}>{` ${fit(name, NAME)}`}</Text>
					<Box width={width} flexShrink={0} aria-hidden>
						<Text wrap="truncate" {...theme[tone]}>
							{graph(samples.map(of), {width, height: tall}).join('\n')}
						</Text>
					</Box>
					<Text wrap="truncate">{` ${text(of(samples[samples.length - 1]))}`}</Text>
				</Box>
			))}
			{counters && spare > 0 ? (
				<Text wrap="truncate" {...theme.dim}>
					{` IOTLB (model): ${grouped(counters.hits)} hits, ${grouped(counters.misses)} misses, ${grouped(counters.walks)} walks`}
				</Text>
			) : null}
		</Panel>
	);
});
