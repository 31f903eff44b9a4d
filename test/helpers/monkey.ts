// Random keys, mouse, pastes and sizes, with traffic: the program neither ends by itself nor stops answering, and a
// screen that is drawn anew is the screen that was there.

import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type xterm from '@xterm/headless';
import {type Random, seededRandom} from '../../source/lab/build/random.js';
import {type Ends, folder} from './lab.js';
import {CLI, type Program, screenText, startProgram} from './program.js';

export type Monkey = {
	seconds: number;
	seed: number;
	/** What the program is told on its command line. */
	args?: readonly string[];
	/** Is told how it goes, about once a minute. */
	tell?: (report: Report) => void;
};

export type Report = {
	seconds: number;
	events: number;
	/** How often the screen was compared with itself, drawn anew. */
	compared: number;
	/** How often the program was left, as its own keys do, and was started again. */
	left: number;
	/** The longest time until ^L was answered, in milliseconds that the program computed. */
	slowest: number;
	/** Resident memory of the program since it was started, in bytes, each second. */
	resident: number[];
	/** How often xterm, which stands for the terminal, threw, and was replaced. */
	renewed: number;
	/** What went wrong, with the keys before it. */
	wrong: string[];
};

const REDRAW = '\x0c';
const ESCAPE = '\x1b';
/** Longer than rows stay lit. */
const SETTLED_MS = 1300;
/** Erases the screen: a frame that is drawn as a whole. */
const CLEARED = `${ESCAPE}[H${ESCAPE}[J`;
/** One round in so many is of answers to ^L, the others compare what was drawn bit by bit. */
const PROBED = 5;
const BREATH_MS = 1000;
/** Who draws so long is at work. */
const RESTLESS_MS = 4000;
/** Keys that are typed ahead: each may start a whole machine. */
const BURST = 10;
/** Keys between two looks at the screen. */
const BETWEEN = 150;
/** An answer that takes longer is a frozen screen. */
const LONGEST_MS = 10_000;
/** The keys that are told with what went wrong. */
const TOLD = 60;

const LETTERS = Array.from({length: 94}, (_, i) => String.fromCharCode(0x21 + i)).filter(
	// Leaves; begins a path: none is to lead out of the folder.
	key => key !== 'q' && key !== '/',
);
const OFTEN = [
	'\r',
	'\t',
	' ',
	' ',
	'+',
	'+',
	'j',
	'k',
	'p',
	'r',
	'n',
	't',
	'.',
	',',
	'[',
	']',
	'{',
	'}',
	'z',
	'v',
	ESCAPE,
];
const NAMED = [
	'A',
	'B',
	'C',
	'D',
	'H',
	'F',
	'Z',
	'5~',
	'6~',
	'3~',
	'2~',
	'15~',
	'1;5C',
	'1;2A',
	'I',
	'O',
].map(key => `${ESCAPE}[${key}`);
/** What is no key, or half of one. */
const ODD = [
	...[
		'\x00',
		'\x01',
		'\x02',
		'\x07',
		'\x0e',
		'\x1f',
		'\x7f',
		'\x80',
		'\x1a',
		'é',
		'日本',
		'👩\u200d💻',
		'\u202e',
	],
	...['[', ']', 'P', '_', '[<', '[<0;1', '[1;', ']11;rgb:0/0/0\x07', ']52;c;eA==', 'O', ESCAPE].map(
		rest => ESCAPE + rest,
	),
];

export async function runMonkey(
	t: Ends,
	{seconds, seed, args = [], tell = () => {}}: Monkey,
): Promise<Report> {
	const random = seededRandom(seed);
	const report: Report = {
		...{seconds: 0, events: 0, compared: 0, left: 0, slowest: 0},
		...{resident: [], renewed: 0, wrong: []},
	};
	const place = folder(t);
	fs.writeFileSync(path.join(place, 'config.yaml'), 'mouse: true\n');
	const start = performance.now();
	let [logged, started] = [start, start];
	let keys: string[] = [];
	let program = await open(place, args);
	t.after(() => program.close('SIGKILL'));
	const renew = (error: Error) => {
		if (!/\bxterm\b/.test(error.stack ?? '')) throw error;
		report.renewed++;
		program.renew();
		program.write(REDRAW);
	};
	process.on('uncaughtException', renew);
	t.after(() => process.off('uncaughtException', renew));
	const fail = (what: string) =>
		report.wrong.push(`${what}; the last keys: ${JSON.stringify(keys.slice(-TOLD).join(''))}`);
	for (let round = 1; performance.now() - start < seconds * 1000 && report.wrong.length < 5; round++) {
		const end = program.ended();
		if (end !== undefined) {
			if (end.exitCode !== 0 || end.signal) fail(`it ended with ${JSON.stringify(end)}:\n${lastOf(program)}`);
			report.left++;
			report.resident = [];
			started = performance.now();
			[program, keys] = [await open(place, args), []];
		}
		for (let i = 0; i < BETWEEN && program.ended() === undefined; i++) {
			// In the line that asks for a file nothing is typed.
			const asked = / save (to|a test to|what the disk held to): /.test(screenText(program.terminal));
			const key = asked ? ESCAPE : eventOf(random, program);
			press(program, keys, key);
			report.events++;
			if (asked || random() < 0.3) await sleep(random() * 30);
			if (i % BURST > 0) continue;
			if (round % PROBED > 0) await breathe(program);
			else {
				const took = await redraw(program);
				if (took === undefined && program.ended() === undefined) fail('^L draws nothing');
				report.slowest = Math.max(report.slowest, took ?? 0);
				if (report.slowest > LONGEST_MS) fail(`^L took ${report.slowest} ms after ${BURST} keys`);
			}
		}
		await compare(program, report, keys, fail);
		if (random() < 0.7) press(program, keys, ' ');
		report.seconds = (performance.now() - start) / 1000;
		const running = (performance.now() - started) / 1000;
		while (report.resident.length < running) report.resident.push(residentOf(program));
		if (performance.now() - logged > 60_000) {
			logged = performance.now();
			tell(report);
		}
	}
	return report;
}

function press(program: Program, keys: string[], key: string): void {
	keys.push(key);
	if (program.ended() === undefined && key !== '') program.write(key);
}

async function open(cwd: string, args: readonly string[]): Promise<Program> {
	const program = startProgram({
		...{file: process.execPath, columns: 120, rows: 40, cwd},
		args: [CLI, ...args, '--config', path.join(cwd, 'config.yaml')],
	});
	await program.until(' help ');
	return program;
}

/** A key, something of the mouse, a paste, or, without a key, another size. */
function eventOf(random: Random, program: Program): string {
	const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)];
	const below = (end: number) => Math.floor(random() * end);
	const kind = random();
	if (kind < 0.35) return pick(LETTERS);
	if (kind < 0.65) return pick(OFTEN);
	if (kind < 0.8) return pick(NAMED);
	if (kind < 0.88)
		return `${ESCAPE}[<${pick([0, 0, 2, 32, 35, 64, 65])};${1 + below(200)};${1 + below(60)}${pick(['M', 'm'])}`;
	if (kind < 0.92) return pick(ODD);
	if (kind < 0.94)
		return `${ESCAPE}[200~${pick(LETTERS).repeat(below(300))} 0x1000\r${pick(ODD)}${ESCAPE}[201~`;
	if (kind < 0.98) return pick(LETTERS) + pick(LETTERS) + pick(OFTEN);
	program.resize({columns: 10 + below(220), rows: 3 + below(70)});
	return '';
}

/** Has nothing move, has the screen drawn anew, and compares. */
async function compare(
	program: Program,
	report: Report,
	keys: string[],
	fail: (what: string) => void,
): Promise<void> {
	let stands = await rests(program);
	// Space has guests at work pause, where Escape has left whatever took it, and the screen has room for any of it.
	for (const key of [' ', ESCAPE, ' ', ESCAPE, ESCAPE, ESCAPE, ' ', ' ']) {
		if (stands) break;
		if (key === ESCAPE) program.resize({columns: 120, rows: 40});
		press(program, keys, key);
		stands = await rests(program);
	}
	if (program.ended()) return;
	if (!stands) return fail(`it does not come to rest:\n${screenText(program.terminal)}`);
	const before = cellsOf(program.terminal);
	if ((await redraw(program)) === undefined) {
		if (program.ended() === undefined) fail('^L draws nothing');
		return;
	}
	await program.quiet(150);
	const rows = differences(before, cellsOf(program.terminal));
	report.compared++;
	if (rows.length > 0) fail(`^L changes the screen:\n${rows.slice(0, 5).join('\n')}`);
}

/** Lets it do what was typed; but guests at work never rest. */
async function breathe(program: Program): Promise<void> {
	for (let waited = 0; waited < BREATH_MS; waited += 20) {
		await sleep(20);
		if (!isBusy(program)) return;
	}
}

/**
 * Has the whole screen drawn.
 * @returns how long the program computed until then, in milliseconds of its own, as others may use the cores; undefined
 * where it has ended, or does not draw
 */
async function redraw(program: Program): Promise<number | undefined> {
	const [drawn, used] = [program.chunks.length, cpuOf(program)];
	program.write(REDRAW);
	for (let waited = 0; waited < 10 * LONGEST_MS; waited += 10) {
		await sleep(10);
		if (program.ended()) return undefined;
		const written = program.chunks.slice(drawn).map(({data}) => data);
		if (written.join('').includes(CLEARED)) return cpuOf(program) - used;
	}
	return undefined;
}

/** Waits until nothing is drawn or computed any more. @returns false where it goes on, as guests at work do */
async function rests(program: Program): Promise<boolean> {
	const start = performance.now();
	for (let [drawn, since] = [program.chunks.length, start]; ; await sleep(20)) {
		const now = performance.now();
		if (program.ended()) return true;
		if (program.chunks.length > drawn || isBusy(program)) [drawn, since] = [program.chunks.length, now];
		if (now - since > SETTLED_MS) return true;
		if (now - start > RESTLESS_MS) return false;
	}
}

/** A program that has just ended has no figures. */
function orElse<T>(figure: () => T, none: T): T {
	try {
		return figure();
	} catch {
		return none;
	}
}
const residentOf = (program: Program): number => orElse(program.resident, 0);
const cpuOf = (program: Program): number => orElse(program.cpuMs, 0);
const isBusy = (program: Program): boolean => orElse(program.busy, false);

const lastOf = (program: Program): string =>
	program.chunks
		.slice(-5)
		.map(({data}) => data)
		.join('')
		.slice(-2000);

/** For each row, for each column, what is seen there. */
function cellsOf(terminal: xterm.Terminal): string[][] {
	const {active} = terminal.buffer;
	return Array.from({length: terminal.rows}, (_, y) =>
		Array.from({length: terminal.cols}, (_, x) => {
			const cell = active.getLine(active.baseY + y)?.getCell(x);
			if (cell === undefined) return '';
			const {getFgColor, getBgColor, isBold, isDim, isUnderline, isInverse} = cell;
			const style = [getFgColor, getBgColor, isBold, isDim, isUnderline, isInverse].map(each =>
				each.call(cell),
			);
			// The second half of a wide sign is nothing; an erased cell is a blank.
			return `${cell.getWidth() === 0 ? '' : cell.getChars() || ' '} ${style.join()}`;
		}),
	);
}

const textOf = (row: readonly string[]): string => row.map(cell => cell.replace(/ [\d,-]*$/, '')).join('');

/** The rows that differ, and the first cell that does. */
const differences = (before: string[][], after: string[][]): string[] =>
	before.flatMap((row, y) => {
		const x = row.findIndex((cell, i) => cell !== after[y]?.[i]);
		return x < 0
			? []
			: [
					`row ${y}, column ${x}: ${row[x]} is now ${after[y]?.[x]}\n  ${textOf(row)}\n  ${textOf(after[y] ?? [])}`,
				];
	});
