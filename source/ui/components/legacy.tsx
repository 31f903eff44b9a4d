// For the time being: panels that still make all of their rows from the whole state.

import type {BoxProps} from 'ink';
import {useMemo} from 'react';
import {useMeasured} from '../hooks/use-measured.js';
import {useUi} from '../hooks/use-ui.js';
import {panels} from '../panels/index.js';
import type {PanelId} from '../state/views.js';
import {ListPanel} from './list-panel.js';

export function Legacy({id, ...layout}: BoxProps & {readonly id: PanelId}) {
	const size = useMeasured();
	const ui = useUi(all => all);
	const list = useMemo(
		() => panels[id]?.(ui, size.width, size.height) ?? {title: id, head: [], count: 0, row: () => []},
		[id, ui, size.width, size.height],
	);
	return <ListPanel id={id} list={list} size={size} {...layout} />;
}
