import {Box, useWindowSize} from 'ink';
import {FaultPanel, FaultsPanel} from '../components/faults-panel.js';
import {GroupPanel, GroupsPanel} from '../components/groups-panel.js';
import {UnitsPanel} from '../components/units-panel.js';

type Size = {readonly columns: number; readonly rows: number};

/** A host whose kernel reports its IOMMU groups: the groups, the chosen one, the units, and faults of the log. */
export function HostOverview() {
	const size = useWindowSize();
	return size.columns >= 160 && size.rows >= 50 ? <Wide {...size} /> : <Narrow {...size} />;
}

function Narrow({rows}: Size) {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<GroupsPanel minHeight={6} maxHeight={Math.floor(rows * 0.45)} />
			<Box flexGrow={1} flexBasis={0}>
				<GroupPanel flexGrow={1} flexBasis={0} />
				<Box flexGrow={1} flexBasis={0} flexDirection="column">
					<FaultsPanel minHeight={4} maxHeight={Math.floor(rows * 0.25)} />
					<UnitsPanel flexGrow={1} flexBasis={0} />
				</Box>
			</Box>
		</Box>
	);
}

function Wide({rows}: Size) {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<GroupsPanel minHeight={6} maxHeight={Math.floor(rows * 0.45)} />
			<Box flexGrow={1} flexBasis={0}>
				<Box flexGrow={1} flexBasis={0} flexDirection="column">
					<GroupPanel flexGrow={1} flexBasis={0} />
					<UnitsPanel flexGrow={1} flexBasis={0} />
				</Box>
				<Box flexGrow={1} flexBasis={0} flexDirection="column">
					<FaultsPanel minHeight={4} maxHeight={Math.floor(rows * 0.25)} />
					<FaultPanel flexGrow={1} flexBasis={0} />
				</Box>
			</Box>
		</Box>
	);
}
