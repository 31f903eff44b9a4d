// The dashboard: a header with the views, panels where the view puts them, a message or what is typed, and hints.

import {Box, Text, useApp, useInput, usePaste, useWindowSize} from 'ink';
import {useLayoutEffect} from 'react';
import {useStore} from 'zustand';
import type {AppControls} from './commands/command.js';
import {footer, header, messageLine} from './frame.js';
import {keyNames} from './keys.js';
import {fits, LEAST_COLUMNS, LEAST_ROWS, panelRows} from './layout.js';
import {Lines} from './lines.js';
import {overlayPanel} from './overlay.js';
import {Panel} from './panel.js';
import {panels} from './panels/index.js';
import {boxes} from './place.js';
import {paste, press} from './press.js';
import {paint, type Row} from './rows.js';
import {resize, type Store, type Ui} from './store.js';
import {targetOf} from './target.js';
import {timelineRow} from './timeline.js';
import {useMouse} from './use-mouse.js';

/** Puts text on the terminal's clipboard. @returns why it cannot, if it cannot */
export type Copy = (text: string) => string | undefined;

type Props = {readonly store: Store; readonly mouse?: boolean; readonly copy?: Copy};

export function App({store, mouse = false, copy}: Props) {
	const {columns, rows} = useWindowSize();
	const controls = useControls(store, mouse, copy);
	const ui = useStore(store);
	useLayoutEffect(() => resize(store, columns, rows), [store, columns, rows]);
	useInput((input, key) => {
		for (const name of keyNames(input, key)) press(store, name, controls);
	});
	usePaste(text => paste(store, text, controls));

	if (!fits({columns, rows})) {
		return (
			<Text>{`dmascope needs ${LEAST_COLUMNS}×${LEAST_ROWS}, and this terminal is ${columns}×${rows}: make it larger, or q to quit.`}</Text>
		);
	}
	const line = (row: Row) => <Lines lines={[paint(row, columns)]} width={columns} />;
	// Between two frames the terminal may have another size than the store knows of.
	const shown = {...ui, size: {columns, rows}};
	return (
		<Box flexDirection="column" width={columns} height={rows}>
			{line(header(shown))}
			{ui.overlay ? <Overlay ui={shown} /> : <Panels ui={shown} />}
			{ui.timeline ? line(timelineRow(shown)) : null}
			{line(messageLine(shown))}
			{line(footer(shown))}
		</Box>
	);
}

function Panels({ui}: {readonly ui: Ui}) {
	return boxes(ui).map(row => (
		<Box key={row[0].panel}>
			{row.map(({panel, width, height, behind}) => (
				<Panel
					key={panel}
					content={panels[panel](ui, width - 2, height - 2)}
					width={width}
					height={height}
					place={ui.places[panel]}
					focused={panel === ui.focus}
					behind={behind}
				/>
			))}
		</Box>
	));
}

function Overlay({ui}: {readonly ui: Ui}) {
	const {columns, rows} = ui.size;
	const {name, content} = overlayPanel(ui, columns - 2);
	return (
		<Panel
			content={content}
			width={columns}
			height={panelRows({rows}, ui.timeline)}
			place={ui.places[name]}
			focused={true}
		/>
	);
}

/** Leaving, going to the background (the shell's terminal is given back meanwhile), and what commands ask of the screen. */
function useControls(store: Store, mouse: boolean, copy?: Copy): AppControls {
	const withMouseOff = useMouse(mouse);
	const {exit, suspendTerminal} = useApp();
	return {
		exit: () => exit(),
		suspend: () => void suspendTerminal(() => withMouseOff(stopJob)),
		copy: text => copy?.(text),
		target: () => targetOf(store.getState()),
	};
}

/**
 * Stops the whole job, as the terminal's own Ctrl-Z would: npm and sh are in it too. Where no shell could continue
 * it, the system ignores that, and so it is over at once.
 */
const stopJob = (): Promise<void> =>
	new Promise(resolve => {
		process.kill(0, 'SIGTSTP');
		setTimeout(resolve, 50);
	});
