import {Box, type BoxProps, type DOMElement, useBoxMetrics} from 'ink';
import {type ReactNode, useLayoutEffect, useMemo, useRef} from 'react';
import {useMeasured} from '../hooks/use-measured.js';
import {useListHandle, useMouseTarget} from '../hooks/use-screen.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {moved, settle, TOP} from '../state/list.js';
import {focusOn, type Overlay, placeOn} from '../state/store.js';
import {isPanel, type PanelId} from '../state/views.js';
import {Panel} from './panel.js';

type Props = BoxProps & {
	readonly id: PanelId | Overlay;
	readonly title: string;
	/** What Enter opens. */
	readonly enter?: () => void;
	readonly behind?: readonly string[];
	/** What the text is about, by a name: about something else it is read from its beginning. */
	readonly about?: string | number;
	readonly children: ReactNode;
};

const WHEEL = 3;

/** Rows of the borders. */
const BORDERS = 2;

/**
 * A panel with text of any length, which arrows and the wheel scroll by lines. With a maxHeight it is as high as its
 * text, up to that.
 */
export function ScrollPanel({id, title, enter, behind = [], about, children, ...layout}: Props) {
	const store = useStore();
	const place = useUi(ui => ui.places[id] ?? TOP);
	const view = useMeasured();
	const content = useRef<DOMElement>(null);
	const {height: count} = useBoxMetrics(content);
	const page = Math.max(1, view.height);
	const handle = useMemo(
		() => ({
			...{count, page, selects: false, enter},
			...(about === undefined ? {} : {key: () => about}),
			text: () => '',
		}),
		[count, page, enter, about],
	);
	useListHandle(id, handle);
	const other = place.key !== undefined && place.key !== about;
	useLayoutEffect(() => {
		if (other) placeOn(store, id, TOP);
	}, [store, id, other]);
	useMouseTarget(
		view.ref,
		useMemo(
			() => ({
				press: () => isPanel(id) && focusOn(store, id),
				wheel: (by: 1 | -1) =>
					placeOn(
						store,
						id,
						moved(handle, store.getState().places[id] ?? TOP, at => at + by * WHEEL),
					),
			}),
			[store, id, handle],
		),
	);
	const own = layout.maxHeight === undefined ? {} : {height: count + BORDERS, flexShrink: 0};
	const {top} = settle(handle, other ? TOP : place);
	const where = count > page ? `${top + 1}–${Math.min(count, top + page)} of ${count}` : '';
	const others = behind.length > 0 ? `Tab: ${behind.join(', ')}` : '';
	return (
		<Panel
			id={id}
			title={title}
			inside={view.ref}
			note={[others, where].filter(Boolean).join(' · ')}
			{...own}
			{...layout}
		>
			<Box flexDirection="column" flexGrow={1} overflow="hidden" contentOffsetY={top}>
				<Box ref={content} flexDirection="column" flexShrink={0}>
					{children}
				</Box>
			</Box>
		</Panel>
	);
}
