// npm run pictures: plays the films of films.ts with the real program, and keeps what its terminal showed:
// pictures/*.svg, and recordings for asciinema, pictures/*.cast.

import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import xterm from '@xterm/headless';
import {cellsOf} from '../source/picture/cells.js';
import {type Frame, movingSvg} from '../source/picture/moving-svg.js';
import {DARK} from '../source/picture/palette.js';
import {svgOf} from '../source/picture/screen-svg.js';
import {FILMS, type Film, type FilmStep} from './films.js';
import {castOf} from './helpers/cast.js';
import {sentFor} from './helpers/keys.js';
import {type Chunk, CLI, type Program, type Size, startProgram} from './helpers/program.js';

const FOLDER = path.resolve(import.meta.dirname, '../pictures');
/** Rows that have changed are lit for a second; a picture shows them so where it is taken sooner. */
const SETTLE_MS = 300;

function keep(name: string, text: string): void {
	fs.mkdirSync(FOLDER, {recursive: true});
	fs.writeFileSync(path.join(FOLDER, name), text);
	console.log(`pictures/${name}: ${text.length} characters`);
}

async function take(step: FilmStep, program: Program, recorded: boolean): Promise<void> {
	if ('press' in step) program.write(sentFor(step.press));
	else if ('until' in step) await program.until(step.until);
	else if ('wait' in step) await (recorded ? sleep(step.wait) : undefined);
	else {
		await program.quiet(SETTLE_MS);
		keep(`${step.shot}.svg`, svgOf(cellsOf(program.terminal, DARK), step.title));
	}
}

async function play({args, columns, rows, record, steps}: Film): Promise<void> {
	const program = startProgram({file: process.execPath, args: [CLI, ...args], columns, rows});
	try {
		for (const step of steps) await take(step, program, record !== undefined);
		if (record?.as === 'cast')
			keep(`${record.name}.cast`, castOf(record.title, {columns, rows}, program.chunks));
		else if (record) {
			const {frames, end} = await framesOf(program.chunks, {columns, rows});
			keep(`${record.name}.svg`, movingSvg(frames, end, record.title));
		}
	} finally {
		await program.close();
	}
}

/** A frame for each so many milliseconds in which something was written, from the first full screen on. */
const FRAME_MS = 100;

async function framesOf(chunks: readonly Chunk[], size: Size): Promise<{frames: Frame[]; end: number}> {
	const terminal = new xterm.Terminal({cols: size.columns, rows: size.rows, allowProposedApi: true});
	const start = chunks.find(({data}) => data.includes('╭'))?.at ?? 0;
	const frames: Frame[] = [];
	for (const [i, {at, data}] of chunks.entries()) {
		await new Promise<void>(resolve => terminal.write(data, resolve));
		const slot = Math.floor((at - start) / FRAME_MS);
		const next = chunks[i + 1];
		if (next !== undefined && Math.floor((next.at - start) / FRAME_MS) === slot) continue;
		if (slot >= 0) frames.push({at: slot * FRAME_MS, rows: cellsOf(terminal, DARK)});
	}
	terminal.dispose();
	return {frames, end: (frames.at(-1)?.at ?? 0) + LAST_MS};
}

/** How long the last frame stays, before it begins again. */
const LAST_MS = 4000;

const only = process.argv[2];
for (const film of FILMS.filter(
	({steps, record}) =>
		!only || record?.name === only || steps.some(step => 'shot' in step && step.shot === only),
))
	await play(film);
