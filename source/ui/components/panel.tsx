import {Box, type BoxProps, type DOMElement, Text, useFocus} from 'ink';
import {type ReactNode, type RefObject, useContext, useEffect, useMemo, useRef} from 'react';
import {useMouseTarget} from '../hooks/use-screen.js';
import {AppearanceContext} from '../hooks/use-theme.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {printable} from '../rows.js';
import {focusOn, type Overlay} from '../state/store.js';
import {isPanel, type PanelId} from '../state/views.js';

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
	const {theme, ascii} = useContext(AppearanceContext);
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
	const edge = theme[isFocused ? 'focus' : 'border'];
	return (
		<Box
			ref={ref}
			flexDirection="column"
			borderStyle={ascii ? 'classic' : 'round'}
			borderColor={edge.color}
			{...layout}
		>
			<Box ref={inside} flexDirection="column" flexGrow={1} flexBasis={0} overflow="hidden">
				{children}
			</Box>
			<Box position="absolute" top={-1} left={1} right={2}>
				<Text wrap="truncate" {...theme[isFocused ? 'focus' : 'title']}>{` ${printable(title)} `}</Text>
			</Box>
			{note ? (
				<Box position="absolute" bottom={-1} left={1} right={1} justifyContent="flex-end">
					<Text wrap="truncate" {...edge}>{` ${note} `}</Text>
				</Box>
			) : null}
		</Box>
	);
}
