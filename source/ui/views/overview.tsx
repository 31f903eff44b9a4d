import {Box, useWindowSize} from 'ink';
import {BufferPanel} from '../components/buffer-panel.js';
import {PanelById} from '../components/by-id.js';
import {ConsolePanel} from '../components/console-panel.js';
import {GuestTable, HostTable} from '../components/domain-table.js';
import {MapPanel} from '../components/memory-map.js';
import {ModelPanel} from '../components/model-panel.js';
import {WalkStrip} from '../components/walk-panel.js';
import {useUi} from '../hooks/use-ui.js';
import {seenIn} from '../state/store.js';
import type {PanelId} from '../state/views.js';
import {JoinedMap} from './domains.js';

/** Two borders, the form, the path, the verdict, and why: with air between them where there is room. */
const MODEL = 8;
const AIRY_MODEL = 9;

/** The device model, the tables that its DMA is looked up in, and what the bytes came to. */
export function Overview() {
	const {columns, rows} = useWindowSize();
	if (columns >= 160 && rows >= 50) return <Wide />;
	if (columns >= 110 && rows >= 34) return <Medium />;
	return <Small />;
}

function Small() {
	// A boot of a scenario is seen on the console, beside the scenario.
	const boots = useUi(ui => seenIn(ui) === 'console' && ui.focus === 'scenario');
	return (
		<Box flexDirection="column" flexGrow={1}>
			<ModelPanel height={MODEL} flexShrink={0} />
			<Box flexGrow={1} flexBasis={0}>
				<HostTable width="50%" />
				{boots ? <ConsolePanel flexGrow={1} flexBasis={0} /> : <GuestTable flexGrow={1} flexBasis={0} />}
			</Box>
			<Shared panels={['buffer', 'map', 'devices', 'console', 'traffic', 'faults', 'scenario']} height={6} />
		</Box>
	);
}

function Medium() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<ModelPanel height={AIRY_MODEL} flexShrink={0} />
			<MapPanel height={5} flexShrink={0} />
			<Box flexGrow={1} flexBasis={0}>
				<HostTable width="50%" />
				<GuestTable flexGrow={1} flexBasis={0} />
			</Box>
			<Box height={10} flexShrink={0}>
				<Shared panels={['buffer', 'scenario']} width={82} />
				<Shared panels={['traffic', 'devices', 'console', 'faults']} flexGrow={1} flexBasis={0} />
			</Box>
		</Box>
	);
}

function Wide() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<ModelPanel height={AIRY_MODEL} flexShrink={0} />
			<Box flexGrow={1} flexBasis={0}>
				<HostTable flexGrow={1} flexBasis={0} />
				<JoinedMap />
				<GuestTable flexGrow={1} flexBasis={0} />
			</Box>
			<WalkStrip height={5} flexShrink={0} />
			<Box height={14} flexShrink={0}>
				<BufferPanel width={140} flexShrink={0} />
				<Box flexDirection="column" flexGrow={1} flexBasis={0}>
					<Shared panels={['traffic', 'scenario']} flexGrow={1} flexBasis={0} />
					<Shared panels={['console', 'devices', 'faults']} flexGrow={1} flexBasis={0} />
				</Box>
			</Box>
		</Box>
	);
}

type SharedProps = {
	readonly panels: readonly PanelId[];
	readonly height?: number;
	readonly width?: number;
	readonly flexGrow?: number;
	readonly flexBasis?: number;
};

/** A place that several panels share: the one that was looked at last is shown. */
function Shared({panels, ...layout}: SharedProps) {
	const shown = useUi(({recent}) => recent.find(panel => panels.includes(panel)) ?? panels[0]);
	return <PanelById key={shown} id={shown} {...layout} />;
}
