import {Box, useWindowSize} from 'ink';
import {MapPanel} from '../components/memory-map.js';
import {PagePanel} from '../components/page-panel.js';
import {ReachPanel} from '../components/reach-panel.js';
import {useUi} from '../hooks/use-ui.js';

const SIDE_BY_SIDE = 100;

/** Whose memory it is, who reaches a page of it, and its bytes; of a host none, since they are no business of a screen. */
export function Memory() {
	const {columns} = useWindowSize();
	const host = useUi(({kind}) => kind === 'host');
	if (host)
		return (
			<Box flexDirection="column" flexGrow={1}>
				<MapPanel flexGrow={3} flexBasis={0} />
				<ReachPanel flexGrow={2} flexBasis={0} />
			</Box>
		);
	if (columns < SIDE_BY_SIDE)
		return (
			<Box flexDirection="column" flexGrow={1}>
				<MapPanel flexGrow={4} flexBasis={0} />
				<ReachPanel flexGrow={3} flexBasis={0} />
				<PagePanel flexGrow={3} flexBasis={0} />
			</Box>
		);
	return (
		<Box flexDirection="column" flexGrow={1}>
			<MapPanel flexGrow={3} flexBasis={0} />
			<Box flexGrow={2} flexBasis={0}>
				<PagePanel width={80} flexShrink={0} />
				<ReachPanel flexGrow={1} flexBasis={0} />
			</Box>
		</Box>
	);
}
