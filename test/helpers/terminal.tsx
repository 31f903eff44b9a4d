// The dashboard on a terminal in this process: what it writes goes to a Writable that feeds an emulator, and what the
// emulator shows is what a person would see.

import type {TestContext} from 'node:test';
import type xterm from '@xterm/headless';
import {render} from 'ink';
import {Lab} from '../../source/lab/lab.js';
import type {ObservedMachine} from '../../source/machine/observed.js';
import {App} from '../../source/ui/app.js';
import {Display} from '../../source/ui/display.js';
import {modesAlone} from '../../source/ui/modes.js';
import {createUi, type Store} from '../../source/ui/store.js';
import {Keyboard, Screen} from './tty.js';

const KEYS: Record<string, string> = {
	enter: '\r',
	tab: '\t',
	'shift-tab': '\x1b[Z',
	up: '\x1b[A',
	down: '\x1b[B',
	right: '\x1b[C',
	left: '\x1b[D',
	pagedown: '\x1b[6~',
	pageup: '\x1b[5~',
	end: '\x1b[F',
	backspace: '\x7f',
	escape: '\x1b',
};

export type Session = {
	store: Store;
	terminal: xterm.Terminal;
	screen: () => Promise<string>;
	/** Presses keys one by one: names of KEYS, or characters. */
	press: (...keys: string[]) => Promise<string>;
	resize: (columns: number, rows: number) => Promise<string>;
	done: () => Promise<unknown>;
};

export function openDashboard(
	t: TestContext,
	machine: ObservedMachine,
	columns: number,
	rows: number,
): Session {
	const stdout = new Screen(columns, rows);
	const stdin = new Keyboard();
	if (machine instanceof Lab) machine.keepHistory(() => 0);
	const store = createUi(machine, {columns, rows});
	const display = new Display(store, stdout);
	const app = render(<App store={store} display={display} />, {
		stdout: modesAlone(stdout),
		stdin,
		interactive: true,
		alternateScreen: true,
		exitOnCtrlC: false,
		patchConsole: false,
	});
	t.after(() => app.unmount());
	const screen = async () => {
		await app.waitUntilRenderFlush();
		display.flush();
		await stdout.settled();
		return stdout.text();
	};
	return {
		store,
		terminal: stdout.terminal,
		screen,
		press: async (...keys) => {
			for (const key of keys) {
				stdin.write(KEYS[key] ?? key);
				// A lone Escape is told from an escape sequence by the silence after it.
				await new Promise(resolve => setTimeout(resolve, key === 'escape' ? 60 : 10));
			}
			return screen();
		},
		resize: async (width, height) => {
			stdout.resize({columns: width, rows: height});
			await new Promise(resolve => setTimeout(resolve, 10));
			return screen();
		},
		done: () => app.waitUntilExit(),
	};
}
