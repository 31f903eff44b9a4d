import assert from 'node:assert/strict';
import {test} from 'node:test';
import xterm from '@xterm/headless';
import fc from 'fast-check';
import {Painter} from '../../source/ui/painter.js';
import {type Line, paint, type Row} from '../../source/ui/rows.js';
import {setTheme, TONES} from '../../source/ui/theme.js';
import {type Cell, cellsOf} from '../helpers/cells.js';

const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';

function recorded() {
	const frames: string[] = [];
	return {frames, painter: new Painter(data => frames.push(data))};
}

/** What is written for the second screen, without the frame around it. */
function written(before: readonly Line[], after: readonly Line[]): string {
	const {frames, painter} = recorded();
	painter.paint(before);
	painter.paint(after);
	return frames[1]?.slice(BEGIN.length, -END.length) ?? '';
}

test('a frame is one write, and what is shown already is none', () => {
	const {frames, painter} = recorded();
	painter.paint([[['one', '']], [['two', '1']]]);
	painter.paint([[['one', '']], [['two', '1']]]);
	assert.deepEqual(frames, [`${BEGIN}\x1b[m\x1b[H\x1b[J\x1b[1Hone\x1b[2H\x1b[1mtwo\x1b[m${END}`]);
	painter.forget();
	painter.paint([]);
	assert.deepEqual(frames.slice(1), [`${BEGIN}\x1b[m\x1b[H\x1b[J${END}`]);
});

test('cells that differ are written, those near them too, and the pen is put down at the end', () => {
	const line = (text: string, style = ''): Line => [[text, style]];
	assert.equal(written([line('abcdefghij')], [line('abXdefghij')]), '\x1b[1;3HX');
	assert.equal(written([line('abcdefghij')], [line('aXcdXfghij')]), '\x1b[1;2HXcdX');
	assert.equal(written([line('abcdefghij')], [line('XbcdefghiX')]), '\x1b[1HX\x1b[8CX');
	assert.equal(written([line('abcd')], [line('abcd', '31')]), '\x1b[1H\x1b[31mabcd\x1b[m');
	const two: Line = [
		['ab', '1'],
		['cd', '31'],
	];
	assert.equal(written([line('....')], [two]), '\x1b[1H\x1b[1mab\x1b[0;31mcd\x1b[m');
});

test('the end of a row is erased where it becomes blank, but not what is blank and inverse', () => {
	assert.equal(written([[['a long text', '']]], [[['a        ', '']]]), '\x1b[1;2H\x1b[K');
	assert.equal(written([[['abc', '7']]], [[['   ', '7']]]), '\x1b[1H\x1b[7m   \x1b[m');
	assert.equal(written([[['abc', '']], [['def', '']]], [[['abc', '']]]), '\x1b[2H\x1b[K');
});

test('a row with signs whose width terminals dispute is written as a whole, and what follows them put in place', () => {
	const row = (text: string): Line => paint([text], 10);
	assert.equal(
		written([row('日本 a')], [row('日本 b')]),
		'\x1b[?7l\x1b[1H\x1b[2K日\x1b[1;3H本\x1b[1;5H b    \x1b[?7h',
	);
	assert.equal(written([row('日本'), row('a')], [row('日本'), row('b')]), '\x1b[2Hb');
	assert.equal(written([row('日abcdefgh')], [row('xabcdefghi')]), '\x1b[?7l\x1b[1H\x1b[2Kxabcdefghi\x1b[?7h');
	// A row is not erased in the colours of the one above.
	assert.match(written([], [[['a', '7']], row('日')]), /7ma.\[m.\[\?7l/);
});

class Shown {
	readonly terminal: xterm.Terminal;
	readonly painter: Painter;
	constructor(columns: number, rows: number) {
		this.terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
		this.terminal.write('\x1b[?1049h');
		this.painter = new Painter(data => this.terminal.write(data));
	}

	async cells(): Promise<Cell[][]> {
		await new Promise<void>(resolve => this.terminal.write('', resolve));
		return cellsOf(this.terminal);
	}
}

const sign = fc.constantFrom(...'aab   ──✗⣿', '日', 'é', 'e\u0301', '\u0301', '👩‍💻', '🇫🇷', '각', 'क्ष');
const plain = fc.constantFrom(...'ab  ─');
const text = fc.array(fc.oneof({weight: 6, arbitrary: plain}, {weight: 1, arbitrary: sign}), {maxLength: 9});
const row: fc.Arbitrary<Row> = fc.array(
	fc.tuple(
		text.map(signs => signs.join('')),
		fc.constantFrom('plain', 'plain', ...TONES),
	),
	{maxLength: 4},
);
/** Few rows, which screens share: most stay, some move, some are almost alike. */
const session = fc.record({
	pool: fc.array(row, {minLength: 1, maxLength: 6}),
	start: fc.record({columns: fc.integer({min: 2, max: 24}), rows: fc.integer({min: 1, max: 6})}),
	steps: fc.array(
		fc.record({
			picks: fc.array(fc.nat(20), {maxLength: 6}),
			size: fc.option(
				fc.record({columns: fc.integer({min: 2, max: 24}), rows: fc.integer({min: 1, max: 6})}),
				{freq: 4, nil: undefined},
			),
			chosen: fc.option(fc.nat(5), {nil: undefined}),
		}),
		{minLength: 1, maxLength: 8},
	),
});

test('whatever was shown before, whatever the sizes: every cell is as if all had been written anew', async () => {
	setTheme('dark', 2);
	await fc.assert(
		fc.asyncProperty(session, async ({pool, start, steps}) => {
			const shown = new Shown(start.columns, start.rows);
			let {columns, rows} = start;
			for (const {picks, size, chosen} of steps) {
				if (size) {
					({columns, rows} = size);
					shown.terminal.resize(columns, rows);
					shown.painter.forget();
				}
				const lines = picks
					.slice(0, rows)
					.map((pick, y) => paint(pool[pick % pool.length], columns, y === chosen ? 'chosen' : undefined));
				shown.painter.paint(lines);
				const anew = new Shown(columns, rows);
				anew.painter.paint(lines);
				assert.deepEqual(await shown.cells(), await anew.cells());
			}
		}),
		{seed: 31, numRuns: 200},
	);
});
