// npm run pictures: plays the films of films.ts with the real program, and keeps what its terminal showed:
// pictures/*.svg, and recordings for asciinema, pictures/*.cast.

import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {cellsOf} from '../source/picture/cells.js';
import {DARK} from '../source/picture/palette.js';
import {svgOf} from '../source/picture/screen-svg.js';
import {FILMS, type Film, type FilmStep} from './films.js';
import {castOf} from './helpers/cast.js';
import {sentFor} from './helpers/keys.js';
import {CLI, type Program, startProgram} from './helpers/program.js';

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
		if (record) keep(`${record.name}.cast`, castOf(record.title, {columns, rows}, program.chunks));
	} finally {
		await program.close();
	}
}

const only = process.argv[2];
for (const film of FILMS.filter(
	({steps}) => !only || steps.some(step => 'shot' in step && step.shot === only),
))
	await play(film);
