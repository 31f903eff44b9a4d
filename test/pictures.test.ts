import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import xterm from '@xterm/headless';
import {type Cell, cellsOf} from '../source/picture/cells.js';
import {movingSvg} from '../source/picture/moving-svg.js';
import {DARK} from '../source/picture/palette.js';
import {svgOf} from '../source/picture/screen-svg.js';
import {FILMS} from './films.js';
import {castOf} from './helpers/cast.js';
import {KEYS} from './helpers/keys.js';

async function cells(columns: number, rows: number, data: string): Promise<Cell[][]> {
	const terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
	await new Promise<void>(resolve => terminal.write(data, resolve));
	return cellsOf(terminal, DARK);
}

const picture = async (columns: number, rows: number, data: string): Promise<string> =>
	svgOf(await cells(columns, rows, data), 'A <picture>');

/** The text of each row, as it would be selected and copied. */
const rowsOf = (svg: string): string[] =>
	[...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, row]) =>
		row
			.replace(/<[^>]*>/g, '')
			.replace(/&lt;/g, '<')
			.replace(/&amp;/g, '&'),
	);

test('a picture holds the text of the screen, row by row, and the empty rest of a row is left out', async () => {
	const svg = await picture(20, 4, '╭ A < B ─╮\r\n│ ✗ & ▃ 日本│\r\n\r\nend');
	assert.deepEqual(rowsOf(svg), ['╭ A < B ─╮', '│ ✗ & ▃ 日本│', 'end']);
	assert.match(svg, /<title>A &lt;picture&gt;<\/title>/);
});

test('colours and attributes match the cells: palette, 256 colours, 24 bits, inverse', async () => {
	const svg = await picture(
		30,
		1,
		'\x1b[31mp\x1b[38;5;196mq\x1b[38;2;1;2;3mr\x1b[0;1;4mb\x1b[0;7mi\x1b[0;30;43mg\x1b[0m',
	);
	assert.match(svg, /fill="#e06c75">p<[\s\S]*fill="#ff0000">q<[\s\S]*fill="#010203">r</);
	assert.match(svg, /class="b u">b</);
	assert.match(svg, /<rect x="33.6" y="0" width="8.4" height="18" fill="#d8dee9"\/>.*fill="#0f1318">i</);
	assert.match(svg, /<rect x="42" [^>]*fill="#e5c07b"\/>.*fill="#3b4252">g</);
});

test('lines are drawn from side to side of their cells, and one along several cells is one', async () => {
	const svg = await picture(5, 2, '╭───╮\r\n│ ▄ │');
	assert.match(svg, /d="M8.4 9Q4.2 9 4.2 18M8.4 9H33.6M33.6 9Q37.8 9 37.8 18"/);
	assert.match(svg, /d="M4.2 18V36"/);
	assert.match(svg, /<rect x="16.8" y="27" width="8.4" height="9"/);
});

test('a picture that moves has each form of a row once, visible while it lasts', async () => {
	const frame = async (at: number, data: string) => ({at, rows: await cells(10, 2, data)});
	const frames = [
		await frame(0, 'same\r\none'),
		await frame(500, 'same\r\ntwo'),
		await frame(1500, 'same\r\none'),
	];
	const svg = movingSvg(frames, 2000, 'moves');
	assert.equal([...svg.matchAll(/>same</g)].length, 1);
	const forms = [...svg.matchAll(/keyTimes="(.*?)" values="(.*?)"\/>.*?>(one|two)</g)].map(match =>
		match.slice(1),
	);
	assert.deepEqual(forms, [
		['0;0.25;0.75', 'visible;hidden;visible', 'one'],
		['0;0.25;0.75', 'hidden;visible;hidden', 'two'],
	]);
	assert.match(svg, /dur="2s" calcMode="discrete" repeatCount="indefinite"/);
	// Browsers take runs of blanks together elsewhere.
	assert.match(svg, /text\{white-space:pre;/);
});

test('the moving picture of the readme is small', () => {
	const {size} = fs.statSync(path.resolve(import.meta.dirname, '../pictures/story.svg'));
	assert.ok(size < 400_000, `${size}`);
});

test('a recording is asciicast v2: a header, then events in order of their rounded times', () => {
	const cast = castOf('tour', {columns: 80, rows: 24}, [
		{at: 101, data: 'a'},
		{at: 110, data: 'b'},
		{at: 1260, data: '\x1b[1mé'},
	]);
	const [header, ...events] = cast
		.trimEnd()
		.split('\n')
		.map(line => JSON.parse(line));
	assert.deepEqual([header.version, header.width, header.height], [2, 80, 24]);
	assert.deepEqual(events, [
		[0.1, 'o', 'ab'],
		[1.25, 'o', '\x1b[1mé'],
	]);
});

test('films press keys that exist, and give each picture its own name', () => {
	const steps = FILMS.flatMap(film => film.steps);
	for (const step of steps)
		if ('press' in step) assert.ok(step.press in KEYS || /^(alt-)?.$/.test(step.press), step.press);
	const names = steps.flatMap(step => ('shot' in step ? [step.shot] : []));
	assert.equal(new Set(names).size, names.length);
});
