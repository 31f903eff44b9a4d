// Puts the dashboard on the terminal, and gives the terminal back.

import {render} from 'ink';
import type {ObservedMachine, Transfer} from '../seam/observed.js';
import {App} from './app.js';
import {createUi} from './store.js';

/** Runs until the user leaves. @returns the exit code */
export async function dashboard(machine: ObservedMachine): Promise<number> {
	const store = createUi(machine, {columns: process.stdout.columns, rows: process.stdout.rows});
	const {waitUntilExit} = render(<App store={store} />, {
		alternateScreen: true,
		interactive: true,
		incrementalRendering: true,
		exitOnCtrlC: false,
		maxFps: 15,
	});
	await waitUntilExit();
	process.stdout.write(`${goodbye(machine.state().transfers)}\n`);
	return 0;
}

function goodbye(transfers: readonly Transfer[]): string {
	const count = (word: string) => transfers.filter(({data}) => data === word).length;
	const parts = ['delivered', 'lost', 'torn', 'failed'].map(word => `${count(word)} ${word}`);
	return `dmascope: ${transfers.length} transfers: ${parts.filter(part => !part.startsWith('0 ')).join(', ') || 'none'}`;
}
