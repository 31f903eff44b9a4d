// npm run bench:screen [-- --json] [-- --soak SECONDS]: what the dashboard costs a terminal and a core at 200×60 and
// 120×40, beside htop and a model app on Ink as published. Figures are of this machine at this moment: none is a test.

import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {type QemuFigures, qemuFigures, qemuLines} from './bench-qemu.js';
import {bundled} from './helpers/bundled.js';
import {bytesOf, CLI, framesOf, type Program, type Size, startProgram} from './helpers/program.js';

/** Each with what is allowed while ten changes a second are drawn, or guests work. */
const SIZES = [
	{columns: 200, rows: 60, limits: {bytesAFrame: 1200, cpuPercent: 10}},
	{columns: 120, rows: 40, limits: {bytesAFrame: 1200, cpuPercent: 5}},
] as const;
const SECONDS = 10;
/** Changes before those that are measured: what has run often enough is compiled. */
const WARM_UP_SECONDS = 3;
const CHANGES_A_SECOND = 10;
/** Enter: a transfer. */
const CHANGE = '\r';
/** Space: the guests work on their own, ten requests a second, and their graphs move with each. */
const WORK = ' ';
const MIB = 1024 ** 2;
/** Long enough that rows that were lit are out again. */
const SETTLE_MS = 1500;
const NO_HTOP = 'no htop to compare with: install it';

export type Cost = {
	what: string;
	seconds: number;
	bytes: number;
	frames: number;
	bytesAFrame: number;
	bytesASecond: number;
	/** Of one core. */
	cpuPercent: number;
};

type AtSize = Size & {
	idle: Cost;
	live: Cost;
	work: Cost;
	/** The model app on Ink as published, ten changes a second. */
	model: Cost;
	/** undefined where there is no htop. */
	htop?: Cost;
	limits: {bytesAFrame: number; cpuPercent: number};
	residentMiB: {start: number; end: number};
};

export type ScreenFigures = {
	sizes: AtSize[];
	/** A sentence where there is no QEMU. */
	qemu: QemuFigures | string;
};

export type Soak = {seconds: number; residentMiB: {second: number; mib: number}[]};

/** 256 colours, as over ssh, which does not pass COLORTERM on; 24 bits take a third more bytes. */
const ENV = {COLORTERM: ''};

const openDashboard = ({columns, rows}: Size) =>
	startProgram({columns, rows, file: process.execPath, args: [CLI], env: ENV});

/** What a program writes and computes while something is done with it. */
async function costOf(what: string, program: Program, work: () => Promise<void>): Promise<Cost> {
	const [first, cpu, start] = [program.chunks.length, program.cpuMs(), performance.now()];
	await work();
	const seconds = (performance.now() - start) / 1000;
	const written = program.chunks.slice(first);
	const [bytes, frames] = [bytesOf(written), framesOf(written)];
	return {
		what,
		seconds,
		bytes,
		frames,
		bytesAFrame: frames === 0 ? 0 : bytes / frames,
		bytesASecond: bytes / seconds,
		cpuPercent: (program.cpuMs() - cpu) / 10 / seconds,
	};
}

async function change(program: Program, seconds: number, each = () => {}): Promise<void> {
	const start = performance.now();
	for (let i = 0; i < seconds * CHANGES_A_SECOND; i++) {
		program.write(CHANGE);
		// By the clock, so that a late timer does not make for fewer changes.
		await sleep(Math.max(0, start + ((i + 1) * 1000) / CHANGES_A_SECOND - performance.now()));
		each();
	}
}

export async function screenFigures(): Promise<ScreenFigures> {
	const sizes: AtSize[] = [];
	for (const size of SIZES) sizes.push(await figuresAt(size));
	return {sizes, qemu: await qemuFigures()};
}

async function figuresAt({columns, rows, limits}: (typeof SIZES)[number]): Promise<AtSize> {
	const program = openDashboard({columns, rows});
	await program.quiet(SETTLE_MS);
	const start = program.resident();
	const idle = await costOf('dashboard, nothing changes', program, () => sleep(SECONDS * 1000));
	await change(program, WARM_UP_SECONDS);
	const live = await costOf('dashboard, 10 changes a second', program, () => change(program, SECONDS));
	program.write(WORK);
	await sleep(WARM_UP_SECONDS * 1000);
	const work = await costOf('dashboard, guests at work', program, () => sleep(SECONDS * 1000));
	const end = program.resident();
	await program.close();
	return {
		...{columns, rows, idle, live, work, limits},
		model: await model({columns, rows}),
		htop: await htop({columns, rows}),
		residentMiB: {start: start / MIB, end: end / MIB},
	};
}

/** A model of a full-screen Ink app on Ink as published, doing what a transfer does, as often. */
async function model(size: Size): Promise<Cost> {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-bench-'));
	const file = await bundled('test/helpers/ink-model-program.tsx', folder, 'stock');
	const seconds = WARM_UP_SECONDS + SECONDS + 10;
	const args = [file, 'transfer', `${CHANGES_A_SECOND}`, `${seconds}`];
	const program = startProgram({...size, file: process.execPath, args, env: ENV});
	await program.until('model');
	await sleep(WARM_UP_SECONDS * 1000);
	const cost = await costOf('model app on stock Ink', program, () => sleep(SECONDS * 1000));
	await program.close();
	fs.rmSync(folder, {recursive: true});
	return cost;
}

/** One frame a second, as a person has it. */
async function htop(size: Size): Promise<Cost | undefined> {
	try {
		execFileSync('htop', ['--version'], {stdio: 'ignore'});
	} catch {
		return undefined;
	}
	// It writes its settings when it ends; not over the user's own.
	const env = {...ENV, HTOPRC: path.join(os.tmpdir(), 'dmascope-bench-htoprc')};
	const program = startProgram({...size, file: 'htop', args: ['-d', '10'], env});
	await program.until('Tasks');
	await sleep(SETTLE_MS);
	const cost = await costOf('htop -d 10', program, () => sleep(SECONDS * 1000));
	await program.close();
	return cost;
}

/** Memory over a long time of changes. @returns a sample about every hundredth of it */
export async function soak(seconds: number): Promise<Soak> {
	const program = openDashboard(SIZES[0]);
	await program.quiet(SETTLE_MS);
	const residentMiB = [{second: 0, mib: program.resident() / MIB}];
	const start = performance.now();
	await change(program, seconds, () => {
		const second = (performance.now() - start) / 1000;
		const due = (residentMiB.length * seconds) / 100;
		if (second >= due) residentMiB.push({second, mib: program.resident() / MIB});
	});
	await program.close();
	return {seconds, residentMiB};
}

const whole = (value: number): string => value.toFixed(0).padStart(7);

const costLine = ({what, bytes, bytesAFrame, bytesASecond, frames, seconds, cpuPercent}: Cost): string =>
	`${what.padEnd(32)}${whole(bytes)} B ${whole(bytesAFrame)} B/frame ${whole(bytesASecond)} B/s ` +
	`${(frames / seconds).toFixed(1).padStart(5)} frames/s ${cpuPercent.toFixed(1).padStart(5)} % of a core`;

export const screenLines = ({sizes, qemu}: ScreenFigures): string[] => [
	...sizes.flatMap(linesAt),
	...qemuLines(qemu),
];

function linesAt({columns, rows, idle, live, work, model, htop, limits, residentMiB}: AtSize): string[] {
	const {start, end} = residentMiB;
	const {bytesAFrame, cpuPercent} = limits;
	return [
		`on a terminal of ${columns}×${rows} with 256 colours, ${SECONDS} s each, changes after ${WARM_UP_SECONDS} s of them:`,
		`${costLine(idle)}   limit 0 B`,
		...[live, work].map(cost => `${costLine(cost)}   limit ${bytesAFrame} B/frame, ${cpuPercent} %`),
		costLine(model),
		htop ? costLine(htop) : NO_HTOP,
		`dashboard, resident memory      ${start.toFixed(1)} MiB at the start, ${end.toFixed(1)} MiB after the changes`,
	];
}

export function soakLines({seconds, residentMiB}: Soak): string[] {
	const shown = residentMiB.filter((_, i) => i % 10 === 0 || i === residentMiB.length - 1);
	return [
		`dashboard, resident memory over ${seconds} s of 10 changes a second:`,
		...shown.map(({second, mib}) => `${second.toFixed(0).padStart(7)} s ${mib.toFixed(1).padStart(8)} MiB`),
	];
}

if (import.meta.main) {
	const {values} = parseArgs({options: {json: {type: 'boolean'}, soak: {type: 'string'}}});
	if (values.soak === undefined) {
		const figures = await screenFigures();
		console.log(values.json ? JSON.stringify(figures, undefined, '\t') : screenLines(figures).join('\n'));
	} else {
		const figures = await soak(Number(values.soak));
		console.log(values.json ? JSON.stringify(figures, undefined, '\t') : soakLines(figures).join('\n'));
	}
}
