// Puts the dashboard on the terminal, and gives the terminal back.

import {render} from 'ink';
import type {MachineState, ObservedMachine} from '../seam/observed.js';
import {grouped, plural} from '../words.js';
import {App} from './app.js';
import {asciiByItself, setAscii} from './glyphs.js';
import {createUi} from './store.js';
import {depthOf, setTheme, themeOf} from './theme.js';

/** Runs until the user leaves. @returns the exit code */
export async function dashboard(machine: ObservedMachine): Promise<number> {
	setAscii(asciiByItself(process.env));
	setTheme(themeOf(process.env), depthOf(process.env));
	const store = createUi(machine, {columns: process.stdout.columns, rows: process.stdout.rows});
	// Before the first frame: else a Ctrl-Z that comes with it is the terminal's own, and stops the dashboard where it is.
	process.stdin.setRawMode(true);
	try {
		const {waitUntilExit} = render(<App store={store} />, {
			alternateScreen: true,
			interactive: true,
			incrementalRendering: true,
			exitOnCtrlC: false,
			maxFps: 15,
		});
		await waitUntilExit();
	} finally {
		process.stdin.setRawMode(false);
	}
	process.stdout.write(`${goodbye(machine.state())}\n`);
	return 0;
}

function goodbye({tally}: MachineState): string {
	const counts = Object.entries(tally).filter(([, n]) => n > 0);
	const total = counts.reduce((sum, [, n]) => sum + n, 0);
	return `dmascope: ${plural(total, 'transfer')}: ${counts.map(([word, n]) => `${grouped(n)} ${word}`).join(', ')}`;
}
