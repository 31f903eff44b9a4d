import {Box, useWindowSize} from 'ink';
import {DevicesPanel} from '../components/devices-panel.js';
import {DomainTable} from '../components/domain-table.js';
import {DomainsPanel} from '../components/domains-panel.js';
import {FaultsPanel} from '../components/faults-panel.js';
import {MapPanel} from '../components/memory-map.js';
import {WalkPanel} from '../components/walk-panel.js';

type Size = {readonly columns: number; readonly rows: number};

/** A machine whose tables are read: its domains, the chosen one's table, its devices and faults. */
export function TablesOverview() {
	const size = useWindowSize();
	if (size.columns >= 160 && size.rows >= 50) return <Wide {...size} />;
	if (size.columns >= 110 && size.rows >= 34) return <Medium {...size} />;
	return <Small {...size} />;
}

function Small({columns}: Size) {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<Box flexGrow={1} flexBasis={0}>
				<DomainsPanel width={Math.floor(columns * 0.4)} />
				<DomainTable flexGrow={1} flexBasis={0} />
			</Box>
			<Box height={8} flexShrink={0}>
				<DevicesPanel flexGrow={1} flexBasis={0} />
				<FaultsPanel flexGrow={1} flexBasis={0} />
			</Box>
		</Box>
	);
}

function Medium({columns, rows}: Size) {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<MapPanel height={5} flexShrink={0} />
			<Box flexGrow={1} flexBasis={0}>
				<Left width={Math.floor(columns * 0.4)} rows={rows} />
				<DomainTable flexGrow={1} flexBasis={0} />
			</Box>
			<DevicesPanel minHeight={4} maxHeight={Math.floor(rows * 0.25)} />
		</Box>
	);
}

function Wide({columns, rows}: Size) {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<MapPanel height={8} flexShrink={0} />
			<Box flexGrow={1} flexBasis={0}>
				<Left width={Math.floor(columns * 0.28)} rows={rows} />
				<DomainTable flexGrow={1} flexBasis={0} />
				<WalkPanel width={Math.floor(columns * 0.38)} />
			</Box>
			<DevicesPanel minHeight={4} maxHeight={Math.floor(rows * 0.25)} />
		</Box>
	);
}

/** The domains as high as they are, and the faults below them. */
function Left({width, rows}: {readonly width: number; readonly rows: number}) {
	return (
		<Box width={width} flexShrink={0} flexDirection="column">
			<DomainsPanel minHeight={5} maxHeight={Math.floor(rows * 0.35)} />
			<FaultsPanel flexGrow={1} flexBasis={0} />
		</Box>
	);
}
