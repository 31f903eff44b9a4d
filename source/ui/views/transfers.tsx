import {Box, useWindowSize} from 'ink';
import {useMemo} from 'react';
import {ChainPanel, chosenTransfer, TransfersPanel} from '../components/transfers-panel.js';
import {useUi} from '../hooks/use-ui.js';
import {accessOfTransfer} from '../state/access.js';
import {BesideWalk} from './beside-walk.js';

/** Every transfer, with the chain of the chosen one and the walk of its first access. */
export function Transfers() {
	const {rows} = useWindowSize();
	const transfer = useUi(chosenTransfer);
	const devices = useUi(({tables}) => tables.devices);
	const access = useMemo(() => transfer && accessOfTransfer(transfer, devices), [transfer, devices]);
	return (
		<Box flexDirection="column" flexGrow={1}>
			<TransfersPanel minHeight={5} maxHeight={Math.floor(rows * 0.35)} />
			<BesideWalk access={access} panel={ChainPanel} />
		</Box>
	);
}
