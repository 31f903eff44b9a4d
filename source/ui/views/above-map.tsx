import {Box, type BoxProps, useWindowSize} from 'ink';
import type {ComponentType} from 'react';
import {MapPanel} from '../components/memory-map.js';
import {isWithoutTables} from '../components/table-gaps.js';
import {useUi} from '../hooks/use-ui.js';

/** The rows of a screen with room for both. */
const TALL = 36;

/** A panel as high as its text, and the memory map below it. */
export function AboveMap({panel: About}: {readonly panel: ComponentType<BoxProps>}) {
	const {rows} = useWindowSize();
	const memory = useUi(ui => ui.state.owned.length > 0 && !isWithoutTables(ui));
	return (
		<Box flexDirection="column" flexGrow={1} flexBasis={0}>
			{memory && rows >= TALL ? (
				<>
					<About minHeight={5} maxHeight={Math.floor(rows * 0.6)} />
					<MapPanel flexGrow={1} flexBasis={0} />
				</>
			) : (
				<About flexGrow={1} flexBasis={0} />
			)}
		</Box>
	);
}
