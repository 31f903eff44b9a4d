// The dashboard as an Ink app: a header, a view, the timeline, a message, and what keys do.

import {Box, Text, useApp, useFocusManager, useInput, usePaste, useWindowSize} from 'ink';
import {useContext, useEffect, useLayoutEffect, useMemo, useRef} from 'react';
import type {AppControls} from './commands/command.js';
import {handleKey, paste} from './commands/handle-key.js';
import {keyNames} from './commands/keys.js';
import {Footer} from './components/footer.js';
import {Header} from './components/header.js';
import {MessageLine} from './components/message-line.js';
import {Overlay} from './components/overlay.js';
import {Timeline} from './components/timeline.js';
import {ControlsContext} from './hooks/use-controls.js';
import {type Screen, ScreenContext} from './hooks/use-screen.js';
import {type Appearance, AppearanceContext} from './hooks/use-theme.js';
import {StoreContext, useStore, useUi} from './hooks/use-ui.js';
import {focusOn, type Store} from './state/store.js';
import {fits, LEAST, PANELS} from './state/views.js';
import {stopJob} from './terminal/job.js';
import {View} from './views/view.js';

/** What the app needs of the terminal beyond Ink. */
export type Terminal = {
	/** Puts text on the terminal's clipboard. @returns why it cannot, if it cannot */
	copy: (text: string) => string | undefined;
	/** Forgets what the terminal shows, so that the next frame is drawn whole. */
	forget: () => void;
	/** Has the terminal report the mouse, or stop. */
	mouse: (on: boolean) => void;
};

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
	useFocusOfStore();
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

function TooSmall() {
	const {columns, rows} = useWindowSize();
	return (
		<Text>
			dmascope needs {LEAST.columns}×{LEAST.rows}; this terminal is {columns}×{rows}. Enlarge it, or press q
			to quit.
		</Text>
	);
}

/** Ink moves the focus by Tab, commands and the mouse by the store: each follows the other. */
function useFocusOfStore(): void {
	const store = useStore();
	const {activeId, focus} = useFocusManager();
	const wanted = useUi(ui => ui.focus);
	const view = useUi(ui => ui.view);
	const covered = useUi(ui => ui.overlay !== undefined);
	const last = useRef(wanted);
	// biome-ignore lint/correctness/useExhaustiveDependencies: panels of another view have just been mounted
	useEffect(() => focus(wanted), [focus, wanted, view, covered]);
	useEffect(() => {
		const panel = PANELS.find(id => id === activeId);
		if (panel !== undefined && panel !== last.current && panel !== store.getState().focus)
			focusOn(store, panel);
		last.current = store.getState().focus;
	}, [store, activeId]);
}

/** The terminal reports the mouse while the dashboard is on it. Ink unmounts the tree at every end, faults included. */
function useMouseReports({mouse}: Terminal): void {
	useLayoutEffect(() => {
		mouse(true);
		return () => mouse(false);
	}, [mouse]);
}

/** Leaving, suspending, and what commands need to know of the screen. */
function useControls({copy, forget, mouse}: Terminal): AppControls {
	const store = useStore();
	const size = useWindowSize();
	const screen = useContext(ScreenContext);
	const {exit, suspendTerminal} = useApp();
	const {focusNext, focusPrevious} = useFocusManager();
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
				forget();
			});
			leaving.current = false;
		};
		return {
			exit: () => exit(),
			suspend: () => void suspend(),
			redraw: () => forget(),
			copy,
			focusNext,
			focusPrevious,
			list: () => {
				const {overlay, focus} = store.getState();
				const name = overlay ?? focus;
				const handle = screen.lists.get(name);
				return handle && {name, handle};
			},
			grid: () => screen.grids.get(store.getState().focus),
			fits: () => fits(latestSize.current),
		};
	}, [store, screen, exit, suspendTerminal, focusNext, focusPrevious, copy, forget, mouse]);
}
