import {Box, useWindowSize} from 'ink';
import {PanelById} from '../components/by-id.js';
import {useParts} from '../hooks/use-ui.js';
import {isRoomy, panelsOf} from '../state/views.js';
import {Domains} from './domains.js';
import {Memory} from './memory.js';
import {Overview} from './overview.js';
import {Large, Talk} from './talk.js';

/** The chosen view; or one panel of it alone, where it is zoomed or the screen is small. */
export function View() {
	const size = useWindowSize();
	const {view, kind, focus, zoom, large, presented} = useParts(({view, kind, focus, zoom, large, play}) => ({
		...{view, kind, focus, zoom, large},
		presented: play?.presented === true,
	}));
	if (zoom || !isRoomy(size)) return <PanelById id={focus} flexGrow={1} />;
	if (view === 'overview' && kind === 'lab') {
		if (presented) return <Talk />;
		return large ? <Large /> : <Overview />;
	}
	if (view === 'domains' && kind === 'lab') return <Domains />;
	if (view === 'memory') return <Memory />;
	return (
		<Box flexDirection="column" flexGrow={1}>
			{(panelsOf(kind, view) ?? []).map(id => (
				<PanelById key={id} id={id} flexGrow={1} flexBasis={0} />
			))}
		</Box>
	);
}
