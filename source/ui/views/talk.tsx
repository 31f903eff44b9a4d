import {Box, useWindowSize} from 'ink';
import {PanelById} from '../components/by-id.js';
import {ModelPanel} from '../components/model-panel.js';
import {ScenarioPanel} from '../components/scenario-panel.js';
import {useUi} from '../hooks/use-ui.js';
import {seenIn, type Ui} from '../state/store.js';
import type {PanelId} from '../state/views.js';

/** What a step is seen in beside the device model: a boot on the console, all else in the host's table. */
function besideOf(ui: Ui): PanelId {
	if (ui.focus !== 'scenario' && ui.focus !== 'model') return ui.focus;
	return seenIn(ui) === 'console' ? 'console' : 'host';
}

/** For an audience: the step and its note on top, and below it what the step does. */
export function Talk() {
	const {columns, rows} = useWindowSize();
	const beside = useUi(besideOf);
	const room = rows >= 30;
	return (
		<Box flexDirection="column" flexGrow={1}>
			<ScenarioPanel height={Math.max(9, Math.floor(rows * 0.3))} flexShrink={0} />
			<ModelPanel large={room} height={room ? 15 : 8} flexShrink={0} />
			{rows >= 24 ? (
				<Box flexGrow={1} flexBasis={0}>
					<PanelById key={beside} id={beside} flexGrow={1} flexBasis={0} />
					{columns >= 118 && beside === 'host' ? <PanelById id="map" flexGrow={1} flexBasis={0} /> : null}
				</Box>
			) : null}
		</Box>
	);
}

/** For a projector: the device model with its verdict in large letters, and the panel that was looked at last. */
export function Large() {
	const {rows} = useWindowSize();
	const other = useUi(({focus, recent}) =>
		focus === 'model' ? (recent.find(panel => panel !== 'model') ?? 'host') : focus,
	);
	const room = rows >= 30;
	return (
		<Box flexDirection="column" flexGrow={1}>
			<ModelPanel large={room} height={room ? 15 : 8} flexShrink={0} />
			<PanelById key={other} id={other} flexGrow={1} flexBasis={0} />
		</Box>
	);
}
