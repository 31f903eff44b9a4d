import {Box, Text, useAnimation} from 'ink';
import {memo, useEffect} from 'react';
import {endOf, type Station, stationsOf} from '../../explain/stations.js';
import type {Transfer} from '../../machine/transfer.js';
import {masked} from '../../printable.js';
import type {Tone} from '../../text/tones.js';
import {useTheme} from '../hooks/use-theme.js';
import {useStore, useUi} from '../hooks/use-ui.js';

/** Milliseconds that the packet takes from one station to the next. */
const STATION_MS = 100;

/** Path: guest 3 OK, bhyve 1 iov, …, IOMMU trouble 1 flt, memory trouble none. */
const spokenPath = (stations: readonly Station[]): string =>
	`Path: ${stations.map(({name, saw, trouble}) => masked(`${name} ${trouble ? 'trouble ' : ''}${saw}`)).join(', ')}.`;

/** The transfer as a row of stations: arrows between them, and under each what it saw. */
export const Path = memo(function Path({transfer}: {readonly transfer: Transfer}) {
	const store = useStore();
	const moving = useUi(({packet}) => packet === transfer.number);
	const {frame} = useAnimation({interval: STATION_MS, isActive: moving});
	const stations = stationsOf(transfer);
	const end = endOf(stations);
	const at = moving ? frame : stations.length;
	useEffect(() => {
		if (moving && frame > end + 1) store.setState({packet: undefined});
	}, [store, moving, frame, end]);
	return (
		<Box flexShrink={0} height={2} overflow="hidden" aria-label={spokenPath(stations)}>
			{stations.map((station, i) => (
				<StationBox
					key={station.name}
					station={station}
					reached={i <= at}
					packet={moving && i === Math.min(at, end)}
					link={i === stations.length - 1 ? undefined : i < end ? 'arrow' : i === end ? 'broken' : 'none'}
				/>
			))}
		</Box>
	);
});

type StationProps = {
	readonly station: Station;
	readonly reached: boolean;
	readonly packet: boolean;
	/** What leads on from here; undefined after the last. */
	readonly link?: 'arrow' | 'broken' | 'none';
};

function StationBox({station: {name, saw, trouble}, reached, packet, link}: StationProps) {
	const theme = useTheme();
	const tone: Tone = reached ? (trouble ? 'bad' : 'good') : 'dim';
	return (
		<Box flexGrow={link === undefined ? 0 : 1} flexShrink={1} flexDirection="column">
			<Box>
				<Text wrap="truncate" {...theme[reached ? 'title' : 'dim']}>
					{packet ? '●' : ' '}
					{masked(name)}
				</Text>
				<Link link={link} tone={tone} />
			</Box>
			<Text wrap="truncate" {...theme[tone]}>
				{reached ? ` ${trouble ? '✗' : '✓'} ${saw} ` : ' '}
			</Text>
		</Box>
	);
}

/** The line grows to the next station. */
function Link({link, tone}: {readonly link: StationProps['link']; readonly tone: Tone}) {
	const theme = useTheme();
	if (link === undefined || link === 'none') return null;
	return (
		<Box flexGrow={1} marginLeft={1}>
			<Box
				flexGrow={1}
				height={1}
				borderStyle={link === 'broken' ? 'double' : 'single'}
				borderColor={theme[tone].color}
				borderBottom={false}
				borderLeft={false}
				borderRight={false}
			/>
			<Text {...theme[tone]}>{link === 'broken' ? '✗ ' : '▶'}</Text>
		</Box>
	);
}
