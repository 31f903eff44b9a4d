import {useMemo} from 'react';
import {paletteList} from '../commands/palette.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useKeySign} from '../hooks/use-theme.js';
import {useUi} from '../hooks/use-ui.js';
import type {Overlay as OverlayId} from '../state/store.js';
import {Glossary, Help} from '../views/help.js';
import {ListPanel} from './list-panel.js';

/** What lies over the panels: help, the glossary, or the palette of commands. */
export function Overlay({overlay}: {readonly overlay: OverlayId}) {
	if (overlay === 'help') return <Help />;
	if (overlay === 'glossary') return <Glossary />;
	return <Palette />;
}

function Palette() {
	const ui = useUi(all => all);
	const sign = useKeySign();
	const list = useMemo(() => paletteList(ui, sign), [ui, sign]);
	return <ListPanel id="palette" list={list} size={useMeasured()} flexGrow={1} />;
}
