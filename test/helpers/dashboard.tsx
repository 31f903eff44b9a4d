// The dashboard on a terminal that a test gives it, for bundles with and without what lies below Ink.

import {setTimeout as sleep} from 'node:timers/promises';
import chalk from 'chalk';
import {render} from 'ink';
import type {ObservedMachine} from '../../source/machine/observed.js';
import {App} from '../../source/ui/app.js';
import {Screen as OnScreen} from '../../source/ui/hooks/use-screen.js';
import {createUi} from '../../source/ui/state/store.js';
import {themeWith} from '../../source/ui/theme.js';
import type {Keyboard, Screen} from './tty.js';

/** Each step is keys. */
export function start(stdout: Screen, stdin: Keyboard, machine: ObservedMachine) {
	stdout.setMaxListeners(0);
	// Ink's colours are chalk's.
	chalk.level = 3;
	const store = createUi(machine);
	store.setState({motion: false});
	const app = render(
		<App
			store={store}
			screen={new OnScreen()}
			appearance={{theme: themeWith('dark', 3), ascii: false}}
			terminal={{copy: () => undefined, mouse: () => {}, empty: () => {}}}
		/>,
		{
			stdout,
			stdin,
			interactive: true,
			alternateScreen: true,
			exitOnCtrlC: false,
			patchConsole: false,
			incrementalRendering: true,
			maxFps: 1000,
		},
	);
	return {
		act: async (keys: string) => {
			stdin.write(keys);
			await sleep(10);
			// Rows that are lit go out by the clock.
			store.setState({changed: new Map()});
		},
		redraw: () => void stdin.write('\x0c'),
		flush: async () => {
			await app.waitUntilRenderFlush();
			// A panel that was measured renders once more.
			await sleep(5);
			await app.waitUntilRenderFlush();
		},
		end: () => app.unmount(),
	};
}
