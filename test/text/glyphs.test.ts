import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import {asciiOf, SIGNS} from '../../source/text/glyphs.js';
import {asciiByItself} from '../../source/text/terminal.js';
import {fit} from '../../source/text/width.js';
import {writeAscii} from '../../source/ui/terminal/ascii.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const filesOf = (folder: string): string[] =>
	fs
		.readdirSync(path.join(ROOT, folder), {recursive: true, encoding: 'utf8'})
		.filter(file => /\.(tsx?|txt|yaml)$/.test(file))
		.map(file => path.join(ROOT, folder, file));

test('every sign that is used on screen has a stand-in of the same width', () => {
	const used = new Set<string>();
	for (const folder of ['source/ui', 'source/explain', 'test/ui/screens', 'source/lab/scenario/scenarios'])
		for (const file of filesOf(folder))
			for (const sign of fs.readFileSync(file, 'utf8')) if (sign > '\x7f') used.add(sign);
	assert.ok(used.size > 15);
	for (const sign of used) {
		assert.match(asciiOf(sign), /^[ -~]$/, sign);
		assert.notEqual(asciiOf(sign), '?', `${sign} has no stand-in`);
	}
});

test('every sign takes one column, and so does its stand-in', () => {
	assert.equal(new Set(SIGNS).size, SIGNS.length);
	for (const sign of SIGNS) {
		assert.deepEqual([sign.length, stringWidth(sign)], [1, 1], sign);
		assert.match(asciiOf(sign), /^[!-~]$/, sign);
	}
});

test('a panel in ASCII reads as it did', () => {
	const lines = ['╭ HOST DOMAIN 1 ─ 96 gone ─╮', '│▸02670000–0296ffff 768 -- ✗│', '╰──────── 11–14 of 97 ─╯'];
	assert.deepEqual(lines.map(asciiOf), [
		'+ HOST DOMAIN 1 - 96 gone -+',
		'|>02670000-0296ffff 768 -- x|',
		'+-------- 11-14 of 97 -+',
	]);
});

test('unknown characters keep their width', () => {
	const text = fc
		.oneof(
			fc.string({unit: 'grapheme', maxLength: 30}),
			fc.constantFrom('日本語のラベル', 'naïve – ▸ →', '👩‍💻 emoji', 'é', '⠀⡇⣿▁█'),
		)
		.map(value => value.replace(/\p{C}/gu, ''));
	fc.assert(
		fc.property(text, fc.integer({min: 1, max: 60}), (value, width) => {
			const ascii = asciiOf(fit(value, width));
			assert.match(ascii, /^\p{ASCII}*$/u);
			assert.equal(stringWidth(ascii), width);
			assert.equal(ascii.length, width);
		}),
		{seed: 21, numRuns: 500},
	);
	assert.equal(asciiOf('café 日本'), 'cafe ????');
	assert.equal(asciiOf(fit('', 3)), '   ');
});

test('writes to a terminal are ASCII until stopped; escape sequences, bytes and callbacks pass unchanged', () => {
	const written: unknown[][] = [];
	const terminal = {
		write: (...what: [text: string | Uint8Array, ...rest: unknown[]]) => written.push(what) > 0,
	};
	const called = () => {};
	const bytes = Buffer.from('✓');
	const stop = writeAscii(terminal);
	assert.equal(terminal.write('\x1b[1;31m╭─ ✓ ok\x1b[m', called), true);
	terminal.write(bytes);
	stop();
	terminal.write('✓');
	assert.deepEqual(written, [['\x1b[1;31m+- v ok\x1b[m', called], [bytes], ['✓']]);
});

test('ASCII by itself: a locale without UTF-8, or a console that has few signs', () => {
	const cases = [
		[{TERM: 'xterm-256color', LANG: 'en_GB.UTF-8'}, false],
		[{TERM: 'xterm-256color', LANG: 'en_GB.utf8'}, false],
		[{TERM: 'xterm-256color', LANG: 'C'}, true],
		[{TERM: 'xterm-256color', LANG: 'en_GB.UTF-8', LC_ALL: 'POSIX'}, true],
		[{TERM: 'xterm-256color', LANG: 'C', LC_CTYPE: 'C.UTF-8'}, false],
		[{TERM: 'xterm-256color', LANG: 'de_DE.ISO8859-1'}, true],
		[{TERM: 'xterm-256color'}, false],
		[{TERM: 'xterm-256color', LC_ALL: '', LANG: ''}, false],
		[{TERM: 'linux', LANG: 'en_GB.UTF-8'}, true],
	] as const;
	for (const [env, ascii] of cases) assert.equal(asciiByItself(env), ascii, JSON.stringify(env));
});
