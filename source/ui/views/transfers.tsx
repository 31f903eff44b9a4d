import {Box, useWindowSize} from 'ink';
import {useMemo} from 'react';
import {ChainPanel, chosenTransfer, TransfersPanel} from '../components/transfers-panel.js';
import {WalkPanel} from '../components/walk-panel.js';
import {useUi} from '../hooks/use-ui.js';
import {accessOfTransfer} from '../state/access.js';

/** From this width on, what is chosen has its walk beside it. */
const WIDE = 150;

/** Every transfer, with the chain of the chosen one. */
export function Transfers() {
	const {columns} = useWindowSize();
	return (
		<Box flexDirection="column" flexGrow={1}>
			<TransfersPanel minHeight={5} maxHeight="40%" />
			<Box flexGrow={1} flexBasis={0}>
				<ChainPanel flexGrow={1} flexBasis={0} />
				{columns >= WIDE ? <Walk /> : null}
			</Box>
		</Box>
	);
}

function Walk() {
	const transfer = useUi(chosenTransfer);
	const devices = useUi(({state}) => state.devices);
	const access = useMemo(() => transfer && accessOfTransfer(transfer, devices), [transfer, devices]);
	return access ? <WalkPanel access={access} flexGrow={1} flexBasis={0} /> : null;
}
