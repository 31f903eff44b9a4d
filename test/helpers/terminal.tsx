// The dashboard on a terminal in this process: what it writes goes to a Writable that feeds an emulator, and what the
// emulator shows is what a person would see.

import type {TestContext} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import type xterm from '@xterm/headless';
import chalk from 'chalk';
import {render} from 'ink';
import {Lab} from '../../source/lab/lab.js';
import type {ObservedMachine} from '../../source/machine/observed.js';
import type {ThemeName} from '../../source/text/tones.js';
import {App} from '../../source/ui/app.js';
import {Screen as OnScreen} from '../../source/ui/hooks/use-screen.js';
import {createUi, type Store} from '../../source/ui/state/store.js';
import {writeAscii} from '../../source/ui/terminal/ascii.js';
import {themeWith} from '../../source/ui/theme.js';
import {sentFor} from './keys.js';
import {Keyboard, Screen} from './tty.js';

export type Session = {
	store: Store;
	terminal: xterm.Terminal;
	screen: () => Promise<string>;
	/** Presses keys one by one: as sentFor() has them. Where a key sets off a long replay, that is waited for. */
	press: (...keys: string[]) => Promise<string>;
	/** The same without waiting. */
	type: (...keys: string[]) => Promise<string>;
	/** The mouse, on the cell at a place. */
	point: (x: number, y: number, kind: 'press' | 'up' | 'down') => Promise<string>;
	resize: (columns: number, rows: number) => Promise<string>;
	/** Has the terminal show the same in another way. */
	appear: (theme: ThemeName, ascii?: boolean) => Promise<string>;
	done: () => Promise<unknown>;
};

export function openDashboard(
	t: TestContext,
	machine: ObservedMachine,
	columns: number,
	rows: number,
): Session {
	const stdout = new Screen(columns, rows);
	stdout.setMaxListeners(0);
	// Ink's colours are chalk's.
	chalk.level = 3;
	const stdin = new Keyboard();
	if (machine instanceof Lab) machine.keepHistory(() => 0);
	const store = createUi(machine);
	store.setState({motion: false});
	const onScreen = new OnScreen();
	const terminal = {copy: () => undefined, mouse: () => {}, empty: () => {}};
	const appOf = (theme: ThemeName, ascii: boolean) => (
		<App
			store={store}
			screen={onScreen}
			appearance={{theme: themeWith(theme, 3), ascii}}
			terminal={terminal}
		/>
	);
	const app = render(appOf('dark', false), {
		stdout,
		stdin,
		interactive: true,
		alternateScreen: true,
		exitOnCtrlC: false,
		patchConsole: false,
		incrementalRendering: true,
		maxFps: 1000,
	});
	t.after(() => app.unmount());
	const screen = async () => {
		await app.waitUntilRenderFlush();
		// A panel that was measured renders once more.
		await new Promise(resolve => setTimeout(resolve, 5));
		await app.waitUntilRenderFlush();
		await stdout.settled();
		return stdout.text();
	};
	const type = async (keys: readonly string[], waits: boolean) => {
		for (const key of keys) {
			stdin.write(sentFor(key));
			// A lone Escape is told from an escape sequence by the silence after it.
			await sleep(key === 'escape' ? 60 : 10);
			while (waits && store.getState().travel !== undefined) await sleep(5);
		}
		return screen();
	};
	return {
		store,
		terminal: stdout.terminal,
		screen,
		press: (...keys) => type(keys, true),
		type: (...keys) => type(keys, false),
		point: async (x, y, kind) => {
			onScreen.point(x, y, kind);
			return screen();
		},
		resize: async (width, height) => {
			stdout.resize({columns: width, rows: height});
			await new Promise(resolve => setTimeout(resolve, 10));
			return screen();
		},
		appear: async (theme, ascii = false) => {
			if (ascii) writeAscii(stdout);
			app.rerender(appOf(theme, ascii));
			await screen();
			stdin.write(sentFor('ctrl-l'));
			return screen();
		},
		done: () => app.waitUntilExit(),
	};
}
