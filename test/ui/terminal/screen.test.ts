import assert from 'node:assert/strict';
import {test} from 'node:test';
import xterm from '@xterm/headless';
import {Chalk} from 'chalk';
import fc from 'fast-check';
import stringWidth from 'string-width';
import {isNarrow} from '../../../source/text/narrow.js';
import {Screen} from '../../../source/ui/terminal/ink/screen.js';
import {cellsOf} from '../../helpers/cells.js';

const chalk = new Chalk({level: 3});

/** The bytes of the second frame. */
function sent(before: readonly string[], after: readonly string[], columns = 20): string {
	const screen = new Screen(columns, before.length);
	screen.show(before);
	return screen.show(after);
}

test('an unchanged frame sends nothing', () => {
	const lines = ['one', chalk.bold('two'), '日本'];
	assert.equal(sent(lines, [...lines]), '');
});

test('a frame sends changed cells and small gaps between them, and ends in the default style', () => {
	assert.equal(sent(['abcdefghij'], ['abXdefghij']), '\x1b[1;3HX');
	assert.equal(sent(['abcdefghij'], ['aXcdXfghij']), '\x1b[1;2HXcdX');
	assert.equal(sent(['abcdefghij'], ['XbcdefghiX']), '\x1b[1HX\x1b[8CX');
	assert.equal(sent(['abcd'], [chalk.red('abcd')]), '\x1b[1H\x1b[31mabcd\x1b[m');
	// A gap in another style is skipped.
	assert.equal(sent([`a${chalk.red('b')}c`], [`X${chalk.red('b')}X`]), '\x1b[1HX\x1b[1CX');
});

test('the shortest sequence changes the style', () => {
	const after = (line: string) => sent(['....'], [line]).replace('\x1b[1H', '');
	assert.equal(after(chalk.red('ab') + chalk.blue('cd')), '\x1b[31mab\x1b[34mcd\x1b[m');
	assert.equal(after(chalk.bold('ab') + chalk.red('cd')), '\x1b[1mab\x1b[0;31mcd\x1b[m');
	assert.equal(after(chalk.bold.red('ab') + chalk.bold('cd')), '\x1b[1;31mab\x1b[39mcd\x1b[m');
	assert.equal(
		after(chalk.bgHex('#010203').red('ab') + chalk.bgHex('#010203')('cd')),
		'\x1b[48;2;1;2;3;31mab\x1b[39mcd\x1b[m',
	);
	assert.equal(after(chalk.bold.dim('ab') + chalk.bold('cd')), '\x1b[1;2mab\x1b[0;1mcd\x1b[m');
});

test('a short reset ends what comes before it', () => {
	const line = (a: string, b: string) => `\x1b[31mx\x1b[m${a}\x1b[39m-----\x1b[31m${b}\x1b[39m`;
	assert.equal(sent([line('a', 'b')], [line('A', 'B')]), '\x1b[1;2H\x1b[0;31;mA\x1b[5C\x1b[0;;31mB\x1b[m');
});

test('links are part of the style', () => {
	const link = (text: string, url: string) => `\x1b]8;;${url}\x07${text}\x1b]8;;\x07`;
	assert.equal(sent(['ab'], [link('ab', 'x:')]), '\x1b[1H\x1b]8;;x:\x07ab\x1b]8;;\x07');
	assert.equal(sent([link('ab', 'x:')], [link('ab', 'y:')]), '\x1b[1H\x1b]8;;y:\x07ab\x1b]8;;\x07');
	assert.equal(
		sent(['ab'], [chalk.red(link('ab', 'x:'))]),
		'\x1b[1H\x1b]8;;x:\x07\x1b[31mab\x1b]8;;\x07\x1b[m',
	);
});

test('a blank end of a row is erased, unless it is inverse', () => {
	assert.equal(sent(['a long text'], ['a']), '\x1b[1;2H\x1b[K');
	assert.equal(sent(['a long text'], ['b']), '\x1b[1Hb\x1b[K');
	assert.equal(sent(['abc'], [chalk.inverse('   ')]), '\x1b[1H\x1b[7m   \x1b[m');
	assert.equal(sent(['abc', 'def'], ['abc', '']), '\x1b[2H\x1b[K');
});

test('a row with wide cells is sent whole, and the cursor is placed after each of them', () => {
	assert.equal(sent(['日本 a'], ['日本 b']), '\x1b[?7l\x1b[1H\x1b[2K日\x1b[1;3H本\x1b[1;5H b\x1b[?7h');
	assert.equal(sent(['日本', 'a'], ['日本', 'b']), '\x1b[2Hb');
	assert.equal(sent(['日本'], ['xa']), '\x1b[?7l\x1b[1H\x1b[2Kxa\x1b[?7h');
});

test('a row wider than the terminal is cut', () => {
	assert.equal(sent(['', 'x'], ['abcdefgh', 'x'], 5), '\x1b[1Habcde');
	assert.equal(sent(['', 'x'], ['日本語', 'x'], 5), '\x1b[?7l\x1b[1H\x1b[2K日\x1b[1;3H本\x1b[1;5H\x1b[?7h');
});

test('narrow characters are one column wide', () => {
	const all = Array.from({length: 0x3000}, (_, code) => String.fromCharCode(code)).filter(isNarrow);
	assert.ok(all.length > 2000);
	assert.deepEqual(
		all.filter(sign => stringWidth(sign) !== 1),
		[],
	);
	for (const sign of 'aZ~é│╭█▁▀⣿→✗✓●▸▶…–≥µ') assert.ok(isNarrow(sign), sign);
	for (const sign of ['日', '\u0301', '☰', '⚡', '✔️', '👩', '\u00ad', '\t', '\u200b'])
		assert.ok(!isNarrow(sign), sign);
});

class Shown {
	readonly terminal: xterm.Terminal;
	readonly screen: Screen;
	constructor(columns: number, rows: number) {
		this.terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
		this.screen = new Screen(columns, rows);
	}

	async cells() {
		await new Promise<void>(resolve => this.terminal.write('', resolve));
		return cellsOf(this.terminal);
	}
}

const styles = [
	(text: string) => text,
	(text: string) => text,
	chalk.red,
	chalk.bold,
	chalk.bold.dim,
	chalk.bgHex('#102030').hex('#ffffff'),
	chalk.inverse.underline,
	chalk.italic.strikethrough,
	(text: string) => `\x1b[73m${text}\x1b[75m`,
	(text: string) => `\x1b[31m${text}\x1b[m`,
	(text: string) => `\x1b]8;;http://a\x07${text}\x1b]8;;\x07`,
];
const grapheme = fc.constantFrom(
	...'aab   ──✗⣿',
	'日',
	'é',
	'e\u0301',
	'\u0301',
	'👩‍💻',
	'🇫🇷',
	'각',
	'क्ष',
	'⚡',
	'✔️',
);
const run = fc
	.tuple(
		fc.constantFrom(...styles),
		fc.array(
			fc.oneof({weight: 6, arbitrary: fc.constantFrom(...'ab  ─')}, {weight: 1, arbitrary: grapheme}),
			{
				maxLength: 9,
			},
		),
	)
	.map(([style, some]) => style(some.join('')));
const line = fc.array(run, {maxLength: 4}).map(runs => runs.join('').trimEnd());

test('after random frames all cells are as if drawn on an empty screen, also in a terminal with other widths', async () => {
	const session = fc.record({
		// Frames share a few lines: most stay, some move.
		pool: fc.array(line, {minLength: 1, maxLength: 6}),
		columns: fc.integer({min: 2, max: 24}),
		frames: fc.array(fc.array(fc.nat(20), {minLength: 4, maxLength: 4}), {minLength: 1, maxLength: 8}),
	});
	await fc.assert(
		fc.asyncProperty(session, async ({pool, columns, frames}) => {
			const shown = new Shown(columns, 4);
			for (const picks of frames) {
				const lines = picks.map(pick => pool[pick % pool.length]);
				shown.terminal.write(shown.screen.show(lines));
				const anew = new Shown(columns, 4);
				anew.terminal.write(anew.screen.show(lines));
				assert.deepEqual(await shown.cells(), await anew.cells());
			}
		}),
		{seed: 31, numRuns: 200},
	);
});

test('an adopted frame is repaired where it has wide cells', () => {
	const screen = new Screen(9, 3);
	assert.equal(screen.adopt(['plain', '日x', 'end']), '\x1b[?7l\x1b[2H\x1b[2K日\x1b[2;3Hx\x1b[?7h\x1b[3;4H');
	assert.equal(screen.show(['plain', '日x', 'and']), '\x1b[3Ha');
	assert.equal(new Screen(9, 1).adopt(['plain']), '');
});
