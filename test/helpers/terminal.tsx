// The dashboard on a terminal in this process: what it writes goes to a Writable that feeds an emulator, and what the
// emulator shows is what a person would see.

import {PassThrough, Writable} from 'node:stream';
import type {TestContext} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import xterm from '@xterm/headless';
import {render} from 'ink';
import {Lab} from '../../source/lab/lab.js';
import type {ObservedMachine} from '../../source/machine/observed.js';
import {App} from '../../source/ui/app.js';
import {Display} from '../../source/ui/display.js';
import {modesAlone} from '../../source/ui/modes.js';
import {createUi, type Store} from '../../source/ui/store.js';

class Screen extends Writable {
	readonly isTTY = true;
	readonly terminal: xterm.Terminal;

	constructor(
		public columns: number,
		public rows: number,
	) {
		super({decodeStrings: false});
		this.terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true, convertEol: true});
	}

	override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
		this.terminal.write(chunk, done);
	}

	text(): string {
		const {active} = this.terminal.buffer;
		return Array.from(
			{length: this.rows},
			(_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '',
		).join('\n');
	}
}

class Keyboard extends PassThrough {
	readonly isTTY = true;
	isRaw = false;
	setRawMode(on: boolean): this {
		this.isRaw = on;
		return this;
	}
	ref(): this {
		return this;
	}
	unref(): this {
		return this;
	}
}

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
	/** Presses keys one by one: names of KEYS, or characters. Where a key sets off a long replay, that is waited for. */
	press: (...keys: string[]) => Promise<string>;
	/** The same without waiting. */
	type: (...keys: string[]) => Promise<string>;
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
		await new Promise<void>(resolve => stdout.write('', () => resolve()));
		return stdout.text();
	};
	const type = async (keys: readonly string[], waits: boolean) => {
		for (const key of keys) {
			stdin.write(KEYS[key] ?? key);
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
		resize: async (width, height) => {
			stdout.columns = width;
			stdout.rows = height;
			stdout.terminal.resize(width, height);
			stdout.emit('resize');
			await new Promise(resolve => setTimeout(resolve, 10));
			return screen();
		},
		done: () => app.waitUntilExit(),
	};
}
