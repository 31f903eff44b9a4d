// A real program on a real terminal: what it writes, when, what it costs, and what is then on the screen.

import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import pty from '@lydell/node-pty';
import xterm from '@xterm/headless';

export const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');
/** Times of /proc are counted in ticks; Linux says a hundred of them a second to every program. */
const TICK_MS = 10;
/** What is written with no longer a break between is one frame. */
const BREAK_MS = 15;

export type Chunk = {at: number; data: string};
export type Size = {columns: number; rows: number};

export type Program = {
	pid: number;
	readonly terminal: xterm.Terminal;
	/** Another, empty terminal in its place: xterm has bugs of its own, after which it stands still. */
	renew: () => void;
	chunks: readonly Chunk[];
	write: (keys: string) => void;
	/** Waits for a text on the screen, or for a screen. */
	until: (wanted: string | ((screen: string) => boolean)) => Promise<void>;
	/** Waits for a silence. */
	quiet: (ms: number) => Promise<void>;
	resize: (size: Size) => void;
	/** Milliseconds of user and system time so far. */
	cpuMs: () => number;
	/** Whether it runs, or would if it had a core. */
	busy: () => boolean;
	/** Resident memory in bytes. */
	resident: () => number;
	/** How it ended, if it has. */
	ended: () => {exitCode: number; signal?: number} | undefined;
	close: (signal?: NodeJS.Signals) => Promise<void>;
};

export type Start = Size & {
	file: string;
	args: readonly string[];
	env?: Record<string, string>;
	/** The folder that it is started in, if not this process's. */
	cwd?: string;
};

/** A machine that others use too may take this long. */
const PATIENCE_MS = 30_000;
/** Neither the machine's locale nor its colours are to show. */
const HIDDEN = /^(CI|NO_COLOR|FORCE_COLOR|COLORFGBG|LC_.*|TMUX|STY)$/;
const environment = (): Record<string, string> =>
	Object.fromEntries(
		Object.entries(process.env).flatMap(([name, value]) =>
			value === undefined || HIDDEN.test(name) ? [] : [[name, value]],
		),
	);

export function startProgram({file, args, columns, rows, env, cwd}: Start): Program {
	const empty = (cols: number, height: number) =>
		new xterm.Terminal({cols, rows: height, allowProposedApi: true});
	let terminal = empty(columns, rows);
	const child = pty.spawn(file, [...args], {
		cols: columns,
		rows,
		name: 'xterm-256color',
		cwd,
		env: {...environment(), LANG: 'C.UTF-8', COLORTERM: 'truecolor', ...env},
	});
	const chunks: Chunk[] = [];
	const start = performance.now();
	child.onData(data => {
		chunks.push({at: performance.now() - start, data});
		terminal.write(data);
	});
	let end: {exitCode: number; signal?: number} | undefined;
	const exit = new Promise<void>(resolve =>
		child.onExit(how => {
			end = how;
			resolve();
		}),
	);
	const stat = (file: string) => fs.readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
	return {
		pid: child.pid,
		get terminal() {
			return terminal;
		},
		renew: () => {
			terminal = empty(terminal.cols, terminal.rows);
		},
		chunks,
		write: keys => child.write(keys),
		until: async wanted => {
			const there = typeof wanted === 'string' ? (screen: string) => screen.includes(wanted) : wanted;
			for (let waited = 0; !there(screenText(terminal)); waited += 20) {
				if (waited > PATIENCE_MS) throw new Error(`${wanted} does not come:\n${screenText(terminal)}`);
				await sleep(20);
			}
		},
		quiet: async ms => {
			for (let count = -1; count !== chunks.length; ) {
				count = chunks.length;
				await sleep(ms);
			}
		},
		// xterm throws where its rows go while it still parses what was written for them.
		resize: ({columns: width, rows: height}) =>
			terminal.write('', () => {
				terminal.resize(width, height);
				if (end === undefined) child.resize(width, height);
			}),
		// proc(5): utime and stime are the 14th and the 15th field; the 2nd, a name in brackets, may hold spaces.
		cpuMs: () => {
			const fields = stat('stat')
				.replace(/^.*\) /s, '')
				.split(' ');
			return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
		},
		busy: () => /^.*\) R/s.test(stat('stat')),
		resident: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(stat('status'))?.[1]) * 1024,
		ended: () => end,
		close: async (signal = 'SIGTERM') => {
			if (end === undefined) child.kill(signal);
			await exit;
			terminal.dispose();
		},
	};
}

export function screenText(terminal: xterm.Terminal): string {
	const {active} = terminal.buffer;
	return Array.from(
		{length: terminal.rows},
		(_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '',
	).join('\n');
}

export const bytesOf = (chunks: readonly Chunk[]): number =>
	chunks.reduce((sum, {data}) => sum + Buffer.byteLength(data), 0);

export const framesOf = (chunks: readonly Chunk[]): number =>
	chunks.filter(({at}, i) => i === 0 || at - chunks[i - 1].at > BREAK_MS).length;
