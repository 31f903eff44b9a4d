import {Box, useWindowSize} from 'ink';
import {Legacy} from '../components/legacy.js';
import {useParts} from '../hooks/use-ui.js';
import {isRoomy, panelsOf} from '../state/views.js';
import {Overview} from './overview.js';

/** The chosen view; or one panel of it alone, where it is zoomed or the screen is small. */
export function View() {
	const size = useWindowSize();
	const {view, kind, focus, zoom} = useParts(({view, kind, focus, zoom}) => ({view, kind, focus, zoom}));
	if (zoom || !isRoomy(size)) return <Legacy id={focus} flexGrow={1} />;
	if (view === 'overview' && kind === 'lab') return <Overview />;
	return (
		<Box flexDirection="column" flexGrow={1}>
			{(panelsOf(kind, view) ?? []).map(id => (
				<Legacy key={id} id={id} flexGrow={1} flexBasis={0} />
			))}
		</Box>
	);
}
