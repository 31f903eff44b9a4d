// Random keys, mouse, pastes and sizes, with traffic: the program neither ends by itself nor stops answering, and a
// screen that is drawn anew is the screen that was there.

import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type xterm from '@xterm/headless';
import {type Random, seededRandom} from '../../source/lab/random.js';
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
	/** The longest time that it computed and drew nothing, in milliseconds. */
	slowest: number;
	/** Resident memory of the program since it was started, in bytes, each second. */
	resident: number[];
	/** What went wrong, with the keys before it. */
	wrong: string[];
};

const REDRAW = '\x0c';
const ESCAPE = '\x1b';
/** Longer than rows stay lit. */
const SETTLED_MS = 1300;
/** Who draws so long is at work. */
const RESTLESS_MS = 4000;
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
	const report: Report = {seconds: 0, events: 0, compared: 0, left: 0, slowest: 0, resident: [], wrong: []};
	const place = folder(t);
	fs.writeFileSync(path.join(place, 'config.yaml'), 'mouse: true\n');
	const start = performance.now();
	let [told, started] = [start, start];
	let keys: string[] = [];
	let program = await open(place, args);
	t.after(() => program.close('SIGKILL'));
	const fail = (what: string) =>
		report.wrong.push(`${what}; the last keys: ${JSON.stringify(keys.slice(-TOLD).join(''))}`);
	while (performance.now() - start < seconds * 1000 && report.wrong.length < 5) {
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
			const asked = / write (to|a test to): /.test(screenText(program.terminal));
			const key = asked ? ESCAPE : eventOf(random, program);
			press(program, keys, key);
			report.events++;
			if (asked || random() < 0.3) await sleep(random() * 30);
		}
		await compare(program, report, keys, fail);
		if (random() < 0.7) press(program, keys, ' ');
		report.seconds = (performance.now() - start) / 1000;
		const running = (performance.now() - started) / 1000;
		while (report.resident.length < running) report.resident.push(residentOf(program));
		if (performance.now() - told > 60_000) {
			told = performance.now();
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

/** Has nothing move, draws the screen anew, and compares. */
async function compare(
	program: Program,
	report: Report,
	keys: string[],
	fail: (what: string) => void,
): Promise<void> {
	for (const key of ['', ' ', ESCAPE, ' ', ESCAPE, ESCAPE, ESCAPE, ' ']) {
		press(program, keys, key);
		const {still, frozen} = await rest(program);
		report.slowest = Math.max(report.slowest, frozen);
		if (frozen > LONGEST_MS) return fail(`nothing was drawn for ${Math.round(frozen)} ms`);
		if (program.ended()) return;
		if (still) break;
		if (keys.at(-1) === ' ' && key !== ' ') return fail('it does not come to rest');
	}
	const before = cellsOf(program.terminal);
	const count = program.chunks.length;
	program.write(REDRAW);
	for (let waited = 0; program.chunks.length === count; waited += 5) {
		if (program.ended()) return;
		if (waited > 10 * LONGEST_MS) return fail('^L draws nothing');
		await sleep(5);
	}
	await program.quiet(150);
	const after = cellsOf(program.terminal);
	report.compared++;
	const rows = differences(before, after);
	if (rows.length > 0) fail(`^L changes the screen:\n${rows.slice(0, 5).join('\n')}`);
}

/**
 * Waits until nothing is drawn or computed any more; but not for ever, as the guests may be at work. `frozen`: for how
 * long it computed and drew nothing, of its own time, as others may use the cores.
 */
async function rest(program: Program): Promise<{still: boolean; frozen: number}> {
	const start = performance.now();
	let frozen = 0;
	let [drawn, since, worked, used] = [program.chunks.length, start, start, cpuOf(program)];
	for (;;) {
		await sleep(20);
		if (program.ended()) return {still: true, frozen};
		const now = performance.now();
		if (program.chunks.length > drawn)
			[drawn, since, worked, used] = [program.chunks.length, now, now, cpuOf(program)];
		else if (isBusy(program)) {
			worked = now;
			frozen = Math.max(frozen, cpuOf(program) - used);
		} else if (now - worked > SETTLED_MS) return {still: true, frozen};
		if (frozen > LONGEST_MS || since - start > RESTLESS_MS) return {still: false, frozen};
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
