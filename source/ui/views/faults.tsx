import {Box, useWindowSize} from 'ink';
import {FaultPanel, FaultsPanel, useFaultAccess} from '../components/faults-panel.js';
import {WalkPanel} from '../components/walk-panel.js';

/** From this width on, what is chosen has its walk beside it. */
const WIDE = 150;

/** Refused accesses, with the chosen one explained. */
export function Faults() {
	const {columns} = useWindowSize();
	return (
		<Box flexDirection="column" flexGrow={1}>
			<FaultsPanel minHeight={6} maxHeight="45%" />
			<Box flexGrow={1} flexBasis={0}>
				<FaultPanel flexGrow={1} flexBasis={0} />
				{columns >= WIDE ? <Walk /> : null}
			</Box>
		</Box>
	);
}

/** The walk of the refused access by the tables as they are now. */
function Walk() {
	const access = useFaultAccess();
	return access ? <WalkPanel access={access} flexGrow={1} flexBasis={0} /> : null;
}
