import {Box, useWindowSize} from 'ink';
import {FaultPanel, FaultsPanel, useFaultAccess} from '../components/faults-panel.js';
import {BesideWalk} from './beside-walk.js';

/** Refused accesses, with the chosen one explained, and its walk. */
export function Faults() {
	const {rows} = useWindowSize();
	const access = useFaultAccess();
	return (
		<Box flexDirection="column" flexGrow={1}>
			<FaultsPanel minHeight={4} maxHeight={Math.floor(rows * 0.4)} />
			<BesideWalk access={access} panel={FaultPanel} />
		</Box>
	);
}
