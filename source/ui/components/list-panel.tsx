import {Box, type BoxProps, useIsScreenReaderEnabled} from 'ink';
import {createElement, Fragment, useEffect, useMemo} from 'react';
import {rowText} from '../../text/rows.js';
import type {Measured} from '../hooks/use-measured.js';
import {useListHandle, useMouseTarget} from '../hooks/use-screen.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {type List, moved, settle, TOP} from '../state/list.js';
import {focusOn, type Overlay, placeOn} from '../state/store.js';
import {isPanel, type PanelId} from '../state/views.js';
import {Line} from './line.js';
import {Panel} from './panel.js';

type Props = BoxProps & {
	readonly id: PanelId | Overlay;
	readonly list: List;
	/** The panel's inside: what its rows were made for. */
	readonly size: Measured;
	/** Opens a row. */
	readonly enter?: (index: number) => void;
	/** Panels that share this place and are not shown. */
	readonly behind?: readonly string[];
	/** Its rows mean nothing to who hears them: its title says what matters. */
	readonly mute?: boolean;
};

/** Rows that a turn of the wheel moves. */
const WHEEL = 3;

/** Rows that a screen reader speaks at a time. */
const SPOKEN = 5;

/** Rows of the borders. */
const BORDERS = 2;

/** A panel with a list. Only the rows in sight are made. With a maxHeight it is as high as its rows, up to that. */
export function ListPanel({id, list, size, enter, behind = [], mute = false, ...layout}: Props) {
	const {title, head, count, row, lit, key, selects = false} = list;
	const store = useStore();
	const place = useUi(ui => ui.places[id] ?? TOP);
	const focused = useUi(ui => (ui.overlay ?? ui.focus) === id);
	const spoken = useIsScreenReaderEnabled();
	const page = Math.max(1, Math.min(size.height - head.length, spoken ? SPOKEN : size.height));
	const handle = useMemo(
		() => ({
			...{count, page, selects, key},
			text: (index: number) => rowText(row(index)),
			...(count > 0 ? {enter} : {}),
		}),
		[count, page, selects, key, row, enter],
	);
	useListHandle(id, handle);
	useMouseTarget(
		size.ref,
		useMemo(
			() => ({
				press: (_x: number, y: number) => {
					if (isPanel(id)) focusOn(store, id);
					const {top} = settle(handle, store.getState().places[id] ?? TOP);
					const cursor = top + y - head.length;
					if (selects && y >= head.length && cursor < count)
						placeOn(store, id, settle(handle, {top, cursor}));
				},
				wheel: (by: 1 | -1) =>
					placeOn(
						store,
						id,
						moved(handle, store.getState().places[id] ?? TOP, at => at + by * WHEEL),
					),
			}),
			[store, id, handle, head.length, selects, count],
		),
	);
	const own = layout.maxHeight === undefined ? {} : {height: count + head.length + BORDERS, flexShrink: 0};
	const settled = settle(handle, place);
	const gone = count > 0 && place.key !== undefined && settled.key !== place.key;
	// The row that takes the place of one that is gone stays chosen from now on.
	useEffect(() => {
		if (gone) placeOn(store, id, settle(handle, store.getState().places[id] ?? TOP));
	}, [gone, store, id, handle]);
	const {top, cursor} = settled;
	const shown = Math.max(0, Math.min(page, count - top));
	const where = count > page ? `${top + 1}–${top + shown} of ${count}` : '';
	const others = behind.length > 0 ? `Tab: ${behind.join(', ')}` : '';
	return (
		<Panel
			id={id}
			title={title}
			inside={size.ref}
			note={[others, where].filter(Boolean).join(' · ')}
			{...own}
			{...layout}
		>
			{/* Half of a panel may have half a row: rows that shrink would be drawn one upon the other. */}
			<Box flexDirection="column" flexShrink={0} aria-hidden={mute}>
				{createElement(Fragment, null, ...head.map(fixed => createElement(Line, {row: fixed})))}
				{Array.from({length: shown}, (_, i) => {
					const index = top + i;
					const whole =
						selects && focused && index === cursor ? 'chosen' : lit?.(index) ? 'changed' : undefined;
					return (
						<Line key={key?.(index) ?? index} row={row(index)} whole={whole} width={whole && size.width} />
					);
				})}
			</Box>
		</Panel>
	);
}
