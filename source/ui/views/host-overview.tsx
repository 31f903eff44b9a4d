import {Box, useWindowSize} from 'ink';
import {FaultPanel, FaultsPanel} from '../components/faults-panel.js';
import {GroupPanel, GroupsPanel} from '../components/groups-panel.js';
import {UnitsPanel} from '../components/units-panel.js';

/** A host whose kernel reports its IOMMU groups: the groups, the chosen one, the units, and faults of the log. */
export function HostOverview() {
	const {columns, rows} = useWindowSize();
	if (columns >= 160 && rows >= 50) return <Wide />;
	if (columns >= 110 && rows >= 34) return <Medium />;
	return <Small />;
}

function Small() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<GroupsPanel flexGrow={1} flexBasis={0} />
			<Box flexGrow={1} flexBasis={0}>
				<GroupPanel width="50%" />
				<Box flexGrow={1} flexBasis={0} flexDirection="column">
					<FaultsPanel minHeight={4} maxHeight="50%" />
					<UnitsPanel flexGrow={1} flexBasis={0} />
				</Box>
			</Box>
		</Box>
	);
}

function Medium() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<GroupsPanel minHeight={8} maxHeight="55%" />
			<Box flexGrow={1} flexBasis={0}>
				<GroupPanel flexGrow={1} flexBasis={0} />
				<Box flexGrow={1} flexBasis={0} flexDirection="column">
					<FaultsPanel minHeight={4} maxHeight="50%" />
					<UnitsPanel flexGrow={1} flexBasis={0} />
				</Box>
			</Box>
		</Box>
	);
}

function Wide() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<Box flexGrow={1} flexBasis={0}>
				<GroupsPanel width="60%" />
				<Box flexGrow={1} flexBasis={0} flexDirection="column">
					<GroupPanel flexGrow={1} flexBasis={0} />
					<UnitsPanel flexGrow={1} flexBasis={0} />
				</Box>
			</Box>
			<Box flexGrow={1} flexBasis={0}>
				<FaultsPanel width="60%" />
				<FaultPanel flexGrow={1} flexBasis={0} />
			</Box>
		</Box>
	);
}
