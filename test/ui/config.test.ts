import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {commands} from '../../source/ui/commands/index.js';
import {configPath, loadConfig, parseConfig, withKeys} from '../../source/ui/config.js';
import {UserError} from '../../source/user-error.js';
import {folder} from '../helpers/lab.js';
import {soon} from '../helpers/soon.js';

const TABLE = [
	{id: 'quit', keys: ['q', 'ctrl-c']},
	{id: 'help', keys: ['?']},
	{id: 'more', keys: ['up', 'k'], place: 'form'},
	{id: 'up', keys: ['up', 'k'], place: 'list'},
	{id: 'play', keys: ['enter']},
	{id: 'run', keys: ['enter']},
	{id: 'next-panel', keys: ['tab']},
];
const parse = (text: string) => parseConfig('c.yaml', text, TABLE);

test('all settings, and keys as words, characters, numbers and lists', () => {
	const text = `
# looks
theme: colour-blind
ascii: true
mouse: true
large: false
keys:
  quit: Q
  help: [F, "?", ctrl-h, 1, ~]
  next-panel: [space, n, y]
  play: []
`;
	assert.deepEqual(parse(text), {
		theme: 'colour-blind',
		ascii: true,
		mouse: true,
		large: false,
		keys: {quit: ['Q'], help: ['F', '?', 'ctrl-h', '1', '~'], 'next-panel': [' ', 'n', 'y'], play: []},
	});
	for (const empty of ['', '\n', '# nothing\n', '---\n', '~']) assert.deepEqual(parse(empty), {keys: {}});
});

const WRONG: [text: string, message: string][] = [
	['thme: dark', 'c.yaml:1:1: "thme" is no setting; did you mean theme?'],
	['colours: dark', 'c.yaml:1:1: "colours" is no setting; there are theme, ascii, mouse, large, keys.'],
	['theme: lihgt', 'c.yaml:1:8: "lihgt" is no theme; did you mean light?'],
	['theme: solarized', 'c.yaml:1:8: "solarized" is no theme; there are dark, light, colour-blind, plain.'],
	['theme: [dark]', 'c.yaml:1:8: "" is no theme; there are dark, light, colour-blind, plain.'],
	['theme:', 'c.yaml:1:7: "" is no theme; there are dark, light, colour-blind, plain.'],
	['ascii: yes', 'c.yaml:1:8: ascii is true or false.'],
	['# one\nmouse: 1', 'c.yaml:2:8: mouse is true or false.'],
	['- theme', 'c.yaml:1:1: a config file is a map with theme, ascii, mouse, large, keys.'],
	['dark', 'c.yaml:1:1: a config file is a map with theme, ascii, mouse, large, keys.'],
	['keys: q', 'c.yaml:1:7: keys is a map: the id of a command, and its key or list of keys.'],
	['keys:\n  hlep: x', 'c.yaml:2:3: there is no command "hlep"; did you mean help?'],
	['keys:\n  help: entr', 'c.yaml:2:9: "entr" is no key; did you mean enter?'],
	[
		'keys:\n  help: [x, {a: b}]',
		'c.yaml:2:13: a key is written as a word or a character, such as q, ctrl-r or "?".',
	],
	['keys:\n  help: ctrl-c', 'c.yaml:2:9: ctrl-c leaves dmascope, always; choose another key.'],
	['keys:\n  help: q', 'c.yaml:2:9: q is the key of help and of quit; give one of them another.'],
	[
		'keys:\n  help: x\n  quit: [Q, x]',
		'c.yaml:2:9: x is the key of help and of quit; give one of them another.',
	],
	['keys:\n  up: tab', 'c.yaml:2:7: tab is the key of up and of next-panel; give one of them another.'],
];
for (const [text, message] of WRONG) {
	test(`refused with one sentence: ${JSON.stringify(text)}`, () => {
		assert.throws(
			() => parse(text),
			(error: unknown) => {
				assert.ok(error instanceof UserError);
				assert.equal(error.message, message);
				return true;
			},
		);
	});
}

test('a key twice, and what is not YAML, are said with their place', () => {
	assert.throws(() => parse('theme: dark\ntheme: light'), /^Error: c\.yaml:2:1: this is not YAML: /);
	assert.throws(() => parse('keys: {'), /^Error: c\.yaml:1:8: this is not YAML: /);
	assert.throws(() => parse('keys:\n  help: ?'), /^Error: c\.yaml:2:/);
});

test('the same key in two places, or where two were never possible at once, is no clash', () => {
	assert.deepEqual(parse('keys: {more: u, up: u}').keys, {more: ['u'], up: ['u']});
	assert.deepEqual(parse('keys: {play: x, run: x}').keys, {play: ['x'], run: ['x']});
	assert.deepEqual(parse('keys: {quit: "?", help: q}').keys, {quit: ['?'], help: ['q']});
});

test('chosen keys take the place of those of the table; Ctrl-C stays', () => {
	const keys = Object.fromEntries(
		withKeys(TABLE, parse('keys: {quit: Q, next-panel: [n]}')).map(command => [command.id, command.keys]),
	);
	assert.deepEqual([keys.quit, keys['next-panel'], keys.help], [['Q', 'ctrl-c'], ['n'], ['?']]);
});

test('the table of commands itself has no clash, so any of its keys can be written down as they are', () => {
	const keys = commands.map(
		({id, keys}) => `  ${id}: ${JSON.stringify(keys.filter(key => key !== 'ctrl-c'))}`,
	);
	assert.equal(
		withKeys(commands, parseConfig('c', `keys:\n${keys.join('\n')}\n`, commands)).length,
		commands.length,
	);
});

test('whatever is in the file, it is settings or one sentence', () => {
	const word = fc.constantFrom(
		'theme',
		'keys',
		'quit',
		'dark',
		'q',
		': ',
		'\n',
		'  ',
		'- ',
		'[',
		']',
		'{',
		'}',
		',',
		'&a ',
		'*a',
		'"',
		'?',
		'~',
		'<<: ',
		'!!set ',
	);
	const text = fc.oneof(
		fc.string(),
		fc.array(word, {maxLength: 14}).map(words => words.join('')),
	);
	fc.assert(
		fc.property(text, given => {
			try {
				parse(given);
			} catch (error) {
				assert.ok(error instanceof UserError, String(error));
				assert.match(error.message, /^c\.yaml:\d+:\d+: [^\n]+$/);
			}
		}),
		{seed: 31, numRuns: 3000},
	);
});

test('the file is looked for where XDG says, and need not be there unless it is named', t => {
	const home = folder(t);
	assert.equal(configPath({HOME: '/h'}), '/h/.config/dmascope/config.yaml');
	assert.equal(configPath({HOME: '/h', XDG_CONFIG_HOME: '/x'}), '/x/dmascope/config.yaml');
	assert.equal(configPath({HOME: '/h', XDG_CONFIG_HOME: 'x'}), '/h/.config/dmascope/config.yaml');
	assert.equal(configPath({}), undefined);
	assert.deepEqual(loadConfig(undefined, {HOME: home}, TABLE), {keys: {}});
	assert.deepEqual(loadConfig(undefined, {}, TABLE), {keys: {}});
	fs.mkdirSync(path.join(home, '.config/dmascope'), {recursive: true});
	fs.writeFileSync(path.join(home, '.config/dmascope/config.yaml'), 'theme: light\n');
	assert.equal(loadConfig(undefined, {HOME: home}, TABLE).theme, 'light');
	const named = path.join(home, 'mine.yaml');
	assert.throws(
		() => loadConfig(named, {}, TABLE),
		/There is no .*mine\.yaml; check the path after --config\./,
	);
	fs.writeFileSync(named, 'ascii: true\n');
	assert.deepEqual(loadConfig(named, {HOME: home}, TABLE), {ascii: true, keys: {}});
	assert.throws(
		() => loadConfig(home, {}, TABLE),
		/is a directory, not a regular file; name a config file\.$/,
	);
});

test('a config file is a regular file, of a bounded length and depth, and ends at its first error', t => {
	const place = folder(t);
	const at = (name: string) => path.join(place, name);
	execFileSync('mkfifo', [at('fifo')]);
	fs.writeFileSync(at('long.yaml'), '#'.repeat(65_537));
	const load = (file: string) => loadConfig(file, {}, TABLE);
	assert.throws(() => load(at('fifo')), /fifo is a FIFO, not a regular file; name a config file\.$/);
	assert.throws(() => load('/dev/zero'), /\/dev\/zero is a character device, not a regular file/);
	assert.throws(() => load(at('long.yaml')), /long\.yaml is larger than 64 KiB; name a smaller file\.$/);
	soon(5000, () => {
		assert.throws(() => parse('['.repeat(65_536)), /c\.yaml:1:\d+: here the file is nested too deeply/);
		assert.throws(() => parse(`[${','.repeat(65_000)}`), /c\.yaml:1:3: this is not YAML: Unexpected , /);
		assert.throws(
			() => parse(Array.from({length: 9000}, (_, i) => `k${i}:`).join('\n')),
			/"k0" is no setting/,
		);
	});
});
