import type {BoxProps} from 'ink';
import {useMemo} from 'react';
import type {Measured} from '../hooks/use-measured.js';
import {useListHandle, useMouseTarget} from '../hooks/use-screen.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {rowText} from '../rows.js';
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
	/** Panels that share this place and are not shown. */
	readonly behind?: readonly string[];
};

/** Rows that a turn of the wheel moves. */
const WHEEL = 3;

/** A panel with a list. Only the rows in sight are made. */
export function ListPanel({id, list, size, behind = [], ...layout}: Props) {
	const {title, head, count, row, lit, selects = false} = list;
	const store = useStore();
	const place = useUi(ui => ui.places[id] ?? TOP);
	const focused = useUi(ui => (ui.overlay ?? ui.focus) === id);
	const page = Math.max(1, size.height - head.length);
	const reach = useMemo(
		() => ({count, page, selects, text: (index: number) => rowText(row(index))}),
		[count, page, selects, row],
	);
	useListHandle(id, reach);
	useMouseTarget(
		size.ref,
		useMemo(
			() => ({
				press: (_x: number, y: number) => {
					if (isPanel(id)) focusOn(store, id);
					const {top} = settle(reach, store.getState().places[id] ?? TOP);
					const cursor = top + y - head.length;
					if (selects && y >= head.length && cursor < count) placeOn(store, id, {top, cursor});
				},
				wheel: (by: 1 | -1) =>
					placeOn(
						store,
						id,
						moved(reach, store.getState().places[id] ?? TOP, at => at + by * WHEEL),
					),
			}),
			[store, id, reach, head.length, selects, count],
		),
	);
	const {top, cursor} = settle(reach, place);
	const shown = Math.max(0, Math.min(page, count - top));
	const where = count > page ? `${top + 1}–${top + shown} of ${count}` : '';
	const others = behind.length > 0 ? `Tab: ${behind.join(', ')}` : '';
	return (
		<Panel
			id={id}
			title={title}
			inside={size.ref}
			note={[others, where].filter(Boolean).join(' · ')}
			{...layout}
		>
			{head.map((fixed, i) => (
				<Line key={`head ${i + 1}`} row={fixed} />
			))}
			{Array.from({length: shown}, (_, i) => {
				const index = top + i;
				const whole =
					selects && focused && index === cursor ? 'chosen' : lit?.(index) ? 'changed' : undefined;
				return <Line key={index} row={row(index)} whole={whole} width={whole && size.width} />;
			})}
		</Panel>
	);
}
