// The dashboard: a header, panels where the layout puts them, a message, and the hints of the footer.

import {Box, Text, useApp, useInput, usePaste, useWindowSize} from 'ink';
import {useLayoutEffect} from 'react';
import {useStore} from 'zustand';
import type {Policy} from '../seam/command.js';
import type {MachineState} from '../seam/observed.js';
import {type AppControls, commands} from './commands.js';
import {helpPanel} from './help.js';
import {keyNames} from './keys.js';
import {fits, LEAST_COLUMNS, LEAST_ROWS, layout} from './layout.js';
import {Lines} from './lines.js';
import {Panel} from './panel.js';
import {panels} from './panels/index.js';
import {paste, possible, press} from './press.js';
import {paint, type Row, type Span, widthOf} from './rows.js';
import {resize, type Store, type Ui} from './store.js';

export function App({store}: {readonly store: Store}) {
	const {columns, rows} = useWindowSize();
	const controls = useControls();
	const ui = useStore(store);
	useLayoutEffect(() => resize(store, columns, rows), [store, columns, rows]);
	useInput((input, key) => {
		for (const name of keyNames(input, key)) press(store, name, controls);
	});
	usePaste(text => paste(store, text));

	if (!fits({columns, rows})) {
		return (
			<Text>{`dmascope needs ${LEAST_COLUMNS}×${LEAST_ROWS}, and this terminal is ${columns}×${rows}: make it larger, or q to quit.`}</Text>
		);
	}
	const line = (row: Row) => <Lines lines={[paint(row, columns)]} width={columns} />;
	return (
		<Box flexDirection="column" width={columns} height={rows}>
			{line(header(ui.state, columns))}
			{ui.help ? (
				<Panel
					content={helpPanel(commands, columns - 2)}
					width={columns}
					height={rows - 3}
					scroll={ui.helpAt}
					focused={true}
				/>
			) : (
				<Panels ui={ui} columns={columns} rows={rows} />
			)}
			{line([[` ${ui.message.text}`, ui.message.tone]])}
			{line(footer(ui))}
		</Box>
	);
}

function Panels({ui, columns, rows}: {readonly ui: Ui; readonly columns: number; readonly rows: number}) {
	return layout(columns, rows, ui.recent).map(boxes => (
		<Box key={boxes[0].panel}>
			{boxes.map(({panel, width, height, behind}) => (
				<Panel
					key={panel}
					content={panels[panel](ui, width - 2, height - 2)}
					width={width}
					height={height}
					scroll={ui.scroll[panel]}
					focused={panel === ui.focus}
					behind={behind}
				/>
			))}
		</Box>
	));
}

/** Leaving, and going to the background: the shell's terminal is given back meanwhile. */
function useControls(): AppControls {
	const {exit, suspendTerminal} = useApp();
	return {
		exit: () => exit(),
		suspend: () => void suspendTerminal(stopJob),
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

const POLICY_WORDS: Record<Policy, string> = {
	remove: 'before D34607',
	keep: 'D34607',
	bounce: 'D34535',
};

function header({title, iommu, policy, disk}: MachineState, columns: number): Row {
	const left: Span[] = [
		[' dmascope ', 'title'],
		[` ${title} · ${iommu}`, 'plain'],
	];
	if (policy)
		left.push(
			' · policy ',
			[policy, policy === 'remove' ? 'bad' : 'good'],
			[` (${POLICY_WORDS[policy]})`, 'dim'],
		);
	const way = disk?.direct ? 'O_DIRECT' : 'page cache';
	const right = disk
		? `${disk.name} ${way} ${disk.writable ? 'writable' : 'ro'}${disk.sample ? ' sample' : ''} `
		: '';
	const used = left.reduce((sum, span) => sum + widthOf(typeof span === 'string' ? span : span[0]), 0);
	return [...left, ' '.repeat(Math.max(1, columns - used - widthOf(right))), [right, 'dim']];
}

const footer = (ui: Ui): Row =>
	commands
		.filter(command => (command.hint || (ui.help && command.label !== 'scroll')) && possible(command, ui))
		.flatMap(({shown, label}): Span[] => [' ', [shown, 'key'], ` ${label} `]);
