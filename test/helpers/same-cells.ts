// An app twice: bundled as for dist/, and with Ink as it is. Whatever happens in it, two terminals show the same.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import stringWidth from 'string-width';
import {type Below, bundled} from './bundled.js';
import {type Cell, cellsOf} from './cells.js';
import {Keyboard, Screen} from './tty.js';

export type Size = {columns: number; rows: number};

/** An app on a terminal. */
export type Running<Step> = {
	act: (step: Step) => unknown;
	/** Has Ink write its frame anew, by `useStdout().write('')`. */
	redraw: () => unknown;
	/** Resolves when what is to be drawn is drawn. */
	flush: () => Promise<unknown>;
	end: () => unknown;
};
type Start<Step> = (screen: Screen, keyboard: Keyboard) => Running<Step>;

/** Both bundles of a module, which is named from the root of the project. `M` is its type. */
export async function bothWays<M>(entry: string): Promise<{ink: M; below: M}> {
	// Chalk reads it when it is loaded.
	process.env.FORCE_COLOR = '3';
	const load = async (below: Below): Promise<M> => {
		const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-bundle-'));
		try {
			return await import(pathToFileURL(await bundled(entry, folder, below)).href);
		} finally {
			fs.rmSync(folder, {recursive: true});
		}
	};
	return {ink: await load('nothing'), below: await load('ours')};
}

/** Does the same in both, and holds their terminals against each other after each step. */
export async function sameCells<Step extends object | string>(
	starts: {ink: Start<Step>; below: Start<Step>},
	size: Size,
	steps: Iterable<Step | Size>,
): Promise<void> {
	const [ink, below] = [starts.ink, starts.below].map(start => {
		const screen = new Screen(size.columns, size.rows);
		screen.terminal.unicode.register(graphemes());
		screen.terminal.unicode.activeVersion = 'graphemes';
		return {screen, app: start(screen, new Keyboard())};
	});
	const done: (Step | Size)[] = [];
	const compare = async () => {
		const [expected, actual] = [await shown(ink), await shown(below)];
		const after = `after ${done.length} steps, the last of them ${JSON.stringify(done.slice(-3))}`;
		for (const [y, row] of expected.rows.entries()) assert.equal(actual.rows[y], row, `row ${y} ${after}`);
		assert.deepEqual(actual.history, expected.history, `the history ${after}`);
		assert.deepEqual(actual.cursor, expected.cursor, `the cursor ${after}`);
	};
	try {
		await compare();
		for (const step of steps) {
			done.push(step);
			for (const {screen, app} of [ink, below]) {
				if (isSize(step)) screen.resize(step);
				else await app.act(step);
			}
			if (isSize(step)) await redraw(ink);
			await compare();
		}
	} finally {
		for (const {app} of [ink, below]) await app.end();
	}
	await compare();
}

/**
 * After a resize Ink draws the tree before its components know of the new size. Where that has rows wrap, Ink alone
 * counts wrong from then on; what is below it does not.
 */
async function redraw({app}: {app: Running<never>}): Promise<void> {
	await app.flush();
	await app.flush();
	app.redraw();
}

const isSize = (step: object | string): step is Size => typeof step === 'object' && 'columns' in step;

/** What a person sees: rows that differ are easier to read than cells. */
async function shown({screen, app}: {screen: Screen; app: Running<never>}) {
	await app.flush();
	// React draws for another size after Ink has.
	await app.flush();
	await screen.settled();
	const {terminal} = screen;
	const {active} = terminal.buffer;
	return {
		rows: cellsOf(terminal).map(row => runs(row)),
		history: Array.from({length: active.baseY}, (_, y) => active.getLine(y)?.translateToString(true)),
		cursor: screen.hasCursor ? [active.cursorX, active.cursorY] : 'hidden',
	};
}

/** Cells that look alike, together. */
function runs(row: readonly Cell[]): string {
	let text = '';
	row.forEach(({sign, look}, x) => {
		if (look !== row[x - 1]?.look) text += `{${look}}`;
		text += sign;
	});
	return text;
}

/** A terminal that knows graphemes, and has the widths that Ink has. */
function graphemes() {
	const segmenter = new Intl.Segmenter();
	/** What was printed last, by the number that the terminal keeps of it. */
	const clusters: string[] = [''];
	const numbers = new Map<string, number>();
	const numberOf = (cluster: string): number => {
		const known = numbers.get(cluster);
		if (known !== undefined) return known;
		numbers.set(cluster, clusters.length);
		return clusters.push(cluster) - 1;
	};
	return {
		version: 'graphemes',
		wcwidth: (code: number): 0 | 1 | 2 => columns(String.fromCodePoint(code)),
		/** Bit 0: it joins what was printed before; bits 1 and 2: the columns of both; above: the number. */
		charProperties: (code: number, preceding: number): number => {
			const sign = String.fromCodePoint(code);
			const before = clusters[preceding >> 3] ?? '';
			const joins = before !== '' && [...segmenter.segment(before + sign)].length === 1;
			const cluster = joins ? before + sign : sign;
			return (numberOf(cluster) << 3) | (columns(cluster) << 1) | (joins ? 1 : 0);
		},
	};
}

const columns = (text: string): 0 | 1 | 2 => {
	const width = stringWidth(text);
	return width === 0 ? 0 : width === 1 ? 1 : 2;
};
