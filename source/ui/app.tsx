// The dashboard as an Ink app: a header, a view, the timeline, a message, and what keys do.

import {Box, useApp, useFocusManager, useInput, usePaste, useStdout, useWindowSize} from 'ink';
import {useContext, useLayoutEffect, useMemo, useRef} from 'react';
import type {AppControls} from './commands/command.js';
import {handleKey, paste} from './commands/handle-key.js';
import {keyNames} from './commands/keys.js';
import {Footer} from './components/footer.js';
import {Header} from './components/header.js';
import {MessageLine} from './components/message-line.js';
import {Overlay} from './components/overlay.js';
import {Wrapped} from './components/prose.js';
import {Timeline} from './components/timeline.js';
import {ControlsContext} from './hooks/use-controls.js';
import {type Screen, ScreenContext} from './hooks/use-screen.js';
import {type Appearance, AppearanceContext} from './hooks/use-theme.js';
import {StoreContext, useStore, useUi} from './hooks/use-ui.js';
import type {Store} from './state/store.js';
import {fits, LEAST} from './state/views.js';
import {stopJob} from './terminal/job.js';
import {View} from './views/view.js';

/** What the app needs of the terminal beyond Ink. */
export type Terminal = {
	/** Puts text on the terminal's clipboard. @returns why it cannot, or why it may not be there, as a sentence */
	copy: (text: string) => string | undefined;
	/** Has the terminal report the mouse, or stop. */
	mouse: (on: boolean) => void;
	/** Empties the screen. */
	empty: () => void;
	/** Writes a picture of the dashboard at this size to a new file; without it, none can be taken. @throws UserError */
	picture?: (file: string, what: 'screen' | 'diagram', size: WindowSize) => Promise<void>;
};

type WindowSize = ReturnType<typeof useWindowSize>;

type Props = {
	readonly store: Store;
	readonly screen: Screen;
	readonly appearance: Appearance;
	readonly terminal: Terminal;
};

export function App({store, screen, appearance, terminal}: Props) {
	return (
		<StoreContext value={store}>
			<ScreenContext value={screen}>
				<AppearanceContext value={appearance}>
					<Dashboard terminal={terminal} />
				</AppearanceContext>
			</ScreenContext>
		</StoreContext>
	);
}

function Dashboard({terminal}: {readonly terminal: Terminal}) {
	const store = useStore();
	const size = useWindowSize();
	const controls = useControls(terminal);
	useInput((input, key) => {
		for (const name of keyNames(input, key)) handleKey(store, name, controls);
	});
	usePaste(text => paste(store, text, controls));
	useMouseReports(terminal);
	useEmptyEnd(terminal);
	useOwnTab();
	const overlay = useUi(ui => ui.overlay);
	const timeline = useUi(ui => ui.timeline);
	if (!fits(size)) return <TooSmall />;
	return (
		<ControlsContext value={controls}>
			<Box flexDirection="column" width={size.columns} height={size.rows}>
				<Header />
				<Box flexDirection="column" flexGrow={1} flexBasis={0}>
					{overlay ? <Overlay overlay={overlay} /> : <View />}
				</Box>
				{timeline ? <Timeline /> : null}
				<MessageLine />
				<Footer />
			</Box>
		</ControlsContext>
	);
}

/**
 * Fills the terminal: after a resize Ink first draws the old tree, whose rows may wrap, and would then erase too few rows
 * above a shorter frame.
 */
function TooSmall() {
	const {columns, rows} = useWindowSize();
	return (
		<Box width={columns} height={rows} overflow="hidden">
			<Wrapped>
				dmascope needs {LEAST.columns}×{LEAST.rows}; this terminal is {columns}×{rows}. Enlarge it, or press q
				to quit.
			</Wrapped>
		</Box>
	);
}

/** Tab is a command: it also reaches panels that others cover. Each panel takes Ink's focus when the store says so. */
function useOwnTab(): void {
	const {disableFocus} = useFocusManager();
	useLayoutEffect(disableFocus, [disableFocus]);
}

/** The terminal reports the mouse while the dashboard is on it. Ink unmounts the tree at every end, faults included. */
function useMouseReports({mouse}: Terminal): void {
	useLayoutEffect(() => {
		mouse(true);
		return () => mouse(false);
	}, [mouse]);
}

/** tmux would bring back rows of an alternate screen that was resized and is left full; Ink leaves it as it is. */
function useEmptyEnd({empty}: Terminal): void {
	useLayoutEffect(() => empty, [empty]);
}

/** No colours, home, and erase to the end. */
export const EMPTY = '\x1b[m\x1b[H\x1b[J';

/** Leaving, suspending, and what commands need to know of the screen. */
function useControls({copy, mouse, picture}: Terminal): AppControls {
	const store = useStore();
	const size = useWindowSize();
	const screen = useContext(ScreenContext);
	const {exit, suspendTerminal} = useApp();
	const {write} = useStdout();
	const leaving = useRef(false);
	const latestSize = useRef(size);
	latestSize.current = size;
	return useMemo(() => {
		const suspend = async () => {
			// A second Ctrl-Z of the same burst.
			if (leaving.current) return;
			leaving.current = true;
			await suspendTerminal(async () => {
				mouse(false);
				await stopJob();
				mouse(true);
			});
			leaving.current = false;
		};
		return {
			exit: () => exit(),
			suspend: () => void suspend(),
			// Ink takes its frame away, writes this, and draws the frame anew below it.
			redraw: () => write(EMPTY),
			copy,
			picture: async (file, what) => picture?.(file, what, latestSize.current),
			list: () => {
				const {overlay, focus} = store.getState();
				const name = overlay ?? focus;
				const handle = screen.lists.get(name);
				return handle && {name, handle};
			},
			grid: () => screen.grids.get(store.getState().focus),
			fits: () => fits(latestSize.current),
		};
	}, [store, screen, exit, suspendTerminal, write, copy, mouse, picture]);
}
