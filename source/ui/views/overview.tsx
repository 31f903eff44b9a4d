import {Box, useWindowSize} from 'ink';
import {Legacy} from '../components/legacy.js';
import {ModelPanel} from '../components/model-panel.js';

export function Overview() {
	const {rows} = useWindowSize();
	return (
		<Box flexDirection="column" flexGrow={1}>
			<Box flexGrow={1} flexBasis={0}>
				<Legacy id="host" width="50%" />
				<Legacy id="guest" flexGrow={1} />
			</Box>
			<Box height={rows >= 34 ? 15 : 8}>
				<Legacy id="devices" width={28} />
				<ModelPanel flexGrow={1} />
			</Box>
			<Legacy id="buffer" height={6} />
		</Box>
	);
}
