import assert from 'node:assert/strict';
import {test} from 'node:test';
import xterm from '@xterm/headless';
import {Chalk} from 'chalk';
import fc from 'fast-check';
import stringWidth from 'string-width';
import {isPlain} from '../../../source/ui/terminal/ink/plain.js';
import {Screen} from '../../../source/ui/terminal/ink/screen.js';
import {cellsOf} from '../../helpers/cells.js';

const chalk = new Chalk({level: 3});

/** What is sent for a second frame. */
function sent(before: readonly string[], after: readonly string[], columns = 20): string {
	const screen = new Screen(columns, before.length);
	screen.show(before);
	return screen.show(after);
}

test('a frame that is shown already sends nothing', () => {
	const lines = ['one', chalk.bold('two'), '日本'];
	assert.equal(sent(lines, [...lines]), '');
});

test('cells that differ are sent, those near them too, and the look ends with the frame', () => {
	assert.equal(sent(['abcdefghij'], ['abXdefghij']), '\x1b[1;3HX');
	assert.equal(sent(['abcdefghij'], ['aXcdXfghij']), '\x1b[1;2HXcdX');
	assert.equal(sent(['abcdefghij'], ['XbcdefghiX']), '\x1b[1HX\x1b[8CX');
	assert.equal(sent(['abcd'], [chalk.red('abcd')]), '\x1b[1H\x1b[31mabcd\x1b[m');
	// What is near is not worth a change of look.
	assert.equal(sent([`a${chalk.red('b')}c`], [`X${chalk.red('b')}X`]), '\x1b[1HX\x1b[1CX');
});

test('one look becomes another by the shortest way', () => {
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

test('links begin and end, and are a part of the look', () => {
	const link = (text: string, url: string) => `\x1b]8;;${url}\x07${text}\x1b]8;;\x07`;
	assert.equal(sent(['ab'], [link('ab', 'x:')]), '\x1b[1H\x1b]8;;x:\x07ab\x1b]8;;\x07');
	assert.equal(sent([link('ab', 'x:')], [link('ab', 'y:')]), '\x1b[1H\x1b]8;;y:\x07ab\x1b]8;;\x07');
	assert.equal(
		sent(['ab'], [chalk.red(link('ab', 'x:'))]),
		'\x1b[1H\x1b]8;;x:\x07\x1b[31mab\x1b]8;;\x07\x1b[m',
	);
});

test('the end of a row is erased where it becomes blank, but not what is blank and inverse', () => {
	assert.equal(sent(['a long text'], ['a']), '\x1b[1;2H\x1b[K');
	assert.equal(sent(['a long text'], ['b']), '\x1b[1Hb\x1b[K');
	assert.equal(sent(['abc'], [chalk.inverse('   ')]), '\x1b[1H\x1b[7m   \x1b[m');
	assert.equal(sent(['abc', 'def'], ['abc', '']), '\x1b[2H\x1b[K');
});

test('a row with signs whose width terminals dispute is sent as a whole, and what follows them put in place', () => {
	assert.equal(sent(['日本 a'], ['日本 b']), '\x1b[?7l\x1b[1H\x1b[2K日\x1b[1;3H本\x1b[1;5H b\x1b[?7h');
	assert.equal(sent(['日本', 'a'], ['日本', 'b']), '\x1b[2Hb');
	assert.equal(sent(['日本'], ['xa']), '\x1b[?7l\x1b[1H\x1b[2Kxa\x1b[?7h');
});

test('a row that is wider than the terminal is cut', () => {
	assert.equal(sent(['', 'x'], ['abcdefgh', 'x'], 5), '\x1b[1Habcde');
	assert.equal(sent(['', 'x'], ['日本語', 'x'], 5), '\x1b[?7l\x1b[1H\x1b[2K日\x1b[1;3H本\x1b[1;5H\x1b[?7h');
});

test('signs that are taken for plain have one column', () => {
	const all = Array.from({length: 0x3000}, (_, code) => String.fromCharCode(code)).filter(isPlain);
	assert.ok(all.length > 2000);
	assert.deepEqual(
		all.filter(sign => stringWidth(sign) !== 1),
		[],
	);
	for (const sign of 'aZ~é│╭█▁▀⣿→✗✓●▸▶…–≥µ') assert.ok(isPlain(sign), sign);
	for (const sign of ['日', '\u0301', '☰', '⚡', '✔️', '👩', '\u00ad', '\t', '\u200b'])
		assert.ok(!isPlain(sign), sign);
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

const looks = [
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
const sign = fc.constantFrom(
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
		fc.constantFrom(...looks),
		fc.array(fc.oneof({weight: 6, arbitrary: fc.constantFrom(...'ab  ─')}, {weight: 1, arbitrary: sign}), {
			maxLength: 9,
		}),
	)
	.map(([look, signs]) => look(signs.join('')));
const line = fc.array(run, {maxLength: 4}).map(runs => runs.join('').trimEnd());

test('whatever was shown before, every cell is as on an empty screen, though the terminal has other widths', async () => {
	const session = fc.record({
		// Few lines, which frames share: most stay, some move, some are almost the same.
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

test('what Ink wrote is put right where terminals may have shown it otherwise', () => {
	const screen = new Screen(9, 3);
	assert.equal(screen.adopt(['plain', '日x', 'end']), '\x1b[?7l\x1b[2H\x1b[2K日\x1b[2;3Hx\x1b[?7h\x1b[3;4H');
	assert.equal(screen.show(['plain', '日x', 'and']), '\x1b[3Ha');
	assert.equal(new Screen(9, 1).adopt(['plain']), '');
});
