// Runs an app twice, on the faster Ink of dist/ and on Ink as published, and compares the cells of their terminals.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import stringWidth from 'string-width';
import {bundled, type InkKind} from './bundled.js';
import {type Cell, cellsOf} from './cells.js';
import {Keyboard, Screen} from './tty.js';

export type Size = {columns: number; rows: number};

/** A running app. */
export type Running<Step> = {
	act: (step: Step) => unknown;
	/** Writes the whole frame again: `useStdout().write('')`. */
	redraw: () => unknown;
	/** Resolves when the last frame is written. */
	flush: () => Promise<unknown>;
	end: () => unknown;
};
type Start<Step> = (screen: Screen, keyboard: Keyboard) => Running<Step>;

/** Bundles a module with either Ink and imports both. @param entry a module of type `M`, from the root of the project */
export async function importBoth<M>(entry: string): Promise<{stock: M; fast: M}> {
	// Chalk reads it once, on import.
	process.env.FORCE_COLOR = '3';
	const load = async (kind: InkKind): Promise<M> => {
		const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-bundle-'));
		try {
			return await import(pathToFileURL(await bundled(entry, folder, kind)).href);
		} finally {
			fs.rmSync(folder, {recursive: true});
		}
	};
	return {stock: await load('stock'), fast: await load('fast')};
}

/** Takes both apps through the same steps; after each their terminals have the same cells, history and cursor. */
export async function sameCells<Step extends object | string>(
	starts: {stock: Start<Step>; fast: Start<Step>},
	size: Size,
	steps: Iterable<Step | Size>,
): Promise<void> {
	const [stock, fast] = [starts.stock, starts.fast].map(start => {
		const screen = new Screen(size.columns, size.rows);
		screen.terminal.unicode.register(graphemes());
		screen.terminal.unicode.activeVersion = 'graphemes';
		return {screen, app: start(screen, new Keyboard())};
	});
	const done: (Step | Size)[] = [];
	const compare = async () => {
		const [expected, actual] = [await shown(stock), await shown(fast)];
		const after = `after ${done.length} steps, the last of them ${JSON.stringify(done.slice(-3))}`;
		for (const [y, row] of expected.rows.entries()) assert.equal(actual.rows[y], row, `row ${y} ${after}`);
		assert.deepEqual(actual.history, expected.history, `the history ${after}`);
		assert.deepEqual(actual.cursor, expected.cursor, `the cursor ${after}`);
	};
	try {
		await compare();
		for (const step of steps) {
			done.push(step);
			for (const {screen, app} of [stock, fast]) {
				if (isSize(step)) screen.resize(step);
				else await app.act(step);
			}
			if (isSize(step)) await redraw(stock);
			await compare();
		}
	} finally {
		for (const {app} of [stock, fast]) await app.end();
	}
	await compare();
}

/**
 * On a resize Ink draws a frame before the components know the new size. If its rows wrap, stock Ink loses count of them
 * until it writes the whole frame again.
 */
async function redraw({app}: {app: Running<never>}): Promise<void> {
	await app.flush();
	await app.flush();
	app.redraw();
}

const isSize = (step: object | string): step is Size => typeof step === 'object' && 'columns' in step;

/** Rows of cells, as text: a difference is easier to read. */
async function shown({screen, app}: {screen: Screen; app: Running<never>}) {
	await app.flush();
	// After a resize React commits in the first flush, and Ink draws in the second.
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

/** Joins cells of one style. */
function runs(row: readonly Cell[]): string {
	let text = '';
	row.forEach(({sign, look}, x) => {
		if (look !== row[x - 1]?.look) text += `{${look}}`;
		text += sign;
	});
	return text;
}

/** Unicode support for xterm: graphemes, with the widths that Ink assumes. */
function graphemes() {
	const segmenter = new Intl.Segmenter();
	/** Graphemes by the number that xterm stores. */
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
		/** Bit 0: joins the grapheme before; bits 1 and 2: its width; above: its number. */
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
