import {Box, useWindowSize} from 'ink';
import {DevicesPanel} from '../components/devices-panel.js';
import {DomainTable} from '../components/domain-table.js';
import {DomainsPanel} from '../components/domains-panel.js';
import {FaultsPanel} from '../components/faults-panel.js';
import {MapPanel} from '../components/memory-map.js';
import {WalkPanel} from '../components/walk-panel.js';

/** A machine whose tables are read: its domains, the chosen one's table, its devices and faults. */
export function TablesOverview() {
	const {columns, rows} = useWindowSize();
	if (columns >= 160 && rows >= 50) return <Wide />;
	if (columns >= 110 && rows >= 34) return <Medium />;
	return <Small />;
}

function Small() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<Box flexGrow={1} flexBasis={0}>
				<DomainsPanel width="40%" />
				<DomainTable flexGrow={1} flexBasis={0} />
			</Box>
			<Box height={8} flexShrink={0}>
				<DevicesPanel width="50%" />
				<FaultsPanel flexGrow={1} flexBasis={0} />
			</Box>
		</Box>
	);
}

function Medium() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<MapPanel height={5} flexShrink={0} />
			<Box flexGrow={1} flexBasis={0}>
				<Box width="40%" flexDirection="column">
					<DomainsPanel minHeight={5} maxHeight="50%" />
					<DevicesPanel flexGrow={1} flexBasis={0} />
				</Box>
				<DomainTable flexGrow={1} flexBasis={0} />
			</Box>
			<FaultsPanel height={8} flexShrink={0} />
		</Box>
	);
}

function Wide() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<Box flexGrow={1} flexBasis={0}>
				<Box width="30%" flexDirection="column">
					<DomainsPanel flexGrow={1} flexBasis={0} />
					<MapPanel height="40%" flexShrink={0} />
				</Box>
				<DomainTable flexGrow={1} flexBasis={0} />
				<WalkPanel width="40%" />
			</Box>
			<Box height={16} flexShrink={0}>
				<DevicesPanel flexGrow={1} flexBasis={0} />
				<FaultsPanel flexGrow={1} flexBasis={0} />
			</Box>
		</Box>
	);
}
