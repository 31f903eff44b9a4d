import {useWindowSize} from 'ink';
import {palettePanel} from '../commands/palette.js';
import {helpPanel} from '../help.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useUi} from '../hooks/use-ui.js';
import {ListPanel} from './list-panel.js';

/** What lies over the panels: help, or the palette of commands. */
export function Overlay({overlay}: {readonly overlay: 'help' | 'palette'}) {
	const ui = useUi(all => all);
	const {columns} = useWindowSize();
	const list = overlay === 'help' ? helpPanel(columns - 2, ui.state, ui.kind) : palettePanel(ui);
	return <ListPanel id={overlay} list={list} size={useMeasured()} flexGrow={1} />;
}
