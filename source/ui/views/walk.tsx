import {Box, useWindowSize} from 'ink';
import {MapPanel} from '../components/memory-map.js';
import {ReachPanel} from '../components/reach-panel.js';
import {WalkPanel} from '../components/walk-panel.js';
import {useUi} from '../hooks/use-ui.js';
import {type ShownWalk, useWalk} from '../hooks/use-walk.js';
import type {Ui} from '../state/store.js';

/** The narrowest screen, and the lowest, with room for where the walk ends. */
const WIDE = 150;
const TALL = 36;

/** An access through every level; on a wide screen beside the memory that it ends in, and who else reaches that. */
export function Walk() {
	const {columns, rows} = useWindowSize();
	const shown = useWalk();
	const end = useUi(ui => endOf(ui, shown));
	if (columns < WIDE || rows < TALL || end === undefined) return <WalkPanel flexGrow={1} />;
	return (
		<Box flexGrow={1}>
			<WalkPanel flexGrow={1} flexBasis={0} />
			<Box flexDirection="column" flexGrow={1} flexBasis={0}>
				<MapPanel at={end} flexGrow={1} flexBasis={0} />
				<ReachPanel at={end} maxHeight={Math.floor(rows * 0.4)} />
			</Box>
		</Box>
	);
}

/** Where the walk leads; of a refused access in the host's domain, whose addresses are those of memory, where it aimed. */
function endOf({state}: Ui, shown: ShownWalk | undefined): number | undefined {
	if (shown === undefined || state.owned.length === 0) return undefined;
	const {access, walk} = shown;
	if (walk.end.kind === 'memory') return walk.end.hpa;
	const domain = state.devices.find(({rid}) => rid === access.rid)?.domain;
	return state.domains.find(({id}) => id === domain)?.role === 'host' ? access.iova : undefined;
}
