import {Box, type BoxProps, type DOMElement, Text, useBoxMetrics, useFocus} from 'ink';
import {type ReactNode, type RefObject, useEffect, useMemo, useRef} from 'react';
import {masked} from '../../printable.js';
import {useMouseTarget} from '../hooks/use-screen.js';
import {useTheme} from '../hooks/use-theme.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {focusOn, type Overlay, seenIn} from '../state/store.js';
import {isPanel, type PanelId} from '../state/views.js';
import type {Style} from '../theme.js';

export type PanelProps = BoxProps & {
	readonly id: PanelId | Overlay;
	readonly title: string;
	/** In the lower border, at the right. */
	readonly note?: string;
	/** The inside, as useMeasured() measures it. */
	readonly inside?: RefObject<DOMElement | null>;
	readonly children?: ReactNode;
};

/** A bordered box with a title. It takes the focus, by Tab or by the mouse. */
export function Panel({id, title, note, inside, children, ...layout}: PanelProps) {
	const theme = useTheme();
	const {isFocused, focus} = useFocus({id});
	const wanted = useUi(ui => (ui.overlay ?? ui.focus) === id);
	useEffect(() => {
		if (wanted) focus(id);
	}, [wanted, focus, id]);
	const store = useStore();
	const ref = useRef<DOMElement>(null);
	useMouseTarget(
		ref,
		useMemo(() => ({press: () => isPanel(id) && focusOn(store, id)}), [store, id]),
	);
	const named = useUi(ui => seenIn(ui) === id);
	const edge = theme[isFocused ? 'focus' : named ? 'warn' : 'border'];
	return (
		<Box ref={ref} flexDirection="column" borderStyle="round" borderColor={edge.color} {...layout}>
			{/* It comes first, so that a screen reader speaks it first, on a line of its own. */}
			<Box position="absolute" top={-1} left={0} right={1}>
				<Text
					wrap="truncate"
					aria-label={`\n${isFocused ? '(selected) ' : ''}${masked(title).replace(/ [─│] /g, ', ')}`}
					{...theme[isFocused ? 'focus' : 'title']}
				>{` ${masked(title)} `}</Text>
			</Box>
			<Box ref={inside} flexDirection="column" flexGrow={1} flexBasis={0} overflow="hidden">
				{children}
			</Box>
			{note ? (
				<Note panel={ref} style={edge}>
					{note}
				</Note>
			) : null}
		</Box>
	);
}

type NoteProps = {
	readonly panel: RefObject<DOMElement | null>;
	readonly style: Style;
	readonly children: string;
};

/** In the lower border. Its row is counted from the top: from the bottom, Yoga rounds half a row to the row below. */
function Note({panel, style, children}: NoteProps) {
	const {height, hasMeasured} = useBoxMetrics(panel);
	if (!hasMeasured) return null;
	return (
		<Box position="absolute" top={height - 2} left={1} right={1} justifyContent="flex-end">
			<Text wrap="truncate" {...style}>{` ${children} `}</Text>
		</Box>
	);
}
