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
motion: false
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
		motion: false,
		large: false,
		keys: {quit: ['Q'], help: ['F', '?', 'ctrl-h', '1', '~'], 'next-panel': ['space', 'n', 'y'], play: []},
	});
	for (const empty of ['', '\n', '# nothing\n', '---\n']) assert.deepEqual(parse(empty), {keys: {}});
});

const WRONG: [text: string, message: string][] = [
	[
		'thme: dark',
		'c.yaml:1:1: Unknown setting thme; use theme, ascii, mouse, motion, large, keys. Did you mean theme?',
	],
	['colours: dark', 'c.yaml:1:1: Unknown setting colours; use theme, ascii, mouse, motion, large, keys.'],
	[
		'theme: lihgt\nkeys:\n  hlep: x',
		'c.yaml:1:8: Unknown theme lihgt; use dark, light, colour-blind or plain. Did you mean light?',
	],
	[
		'theme: lihgt',
		'c.yaml:1:8: Unknown theme lihgt; use dark, light, colour-blind or plain. Did you mean light?',
	],
	['theme: solarized', 'c.yaml:1:8: Unknown theme solarized; use dark, light, colour-blind or plain.'],
	['theme: [dark]', 'c.yaml:1:8: theme is a list; use dark, light, colour-blind or plain.'],
	['theme:', 'c.yaml:1:7: theme is empty; use dark, light, colour-blind or plain.'],
	['ascii: yes', 'c.yaml:1:8: ascii is "yes"; use true or false.'],
	['# one\nmouse: 1', 'c.yaml:2:8: mouse is "1"; use true or false.'],
	[
		'- theme',
		'c.yaml:1:1: the config file is a list; expected a map with theme, ascii, mouse, motion, large, keys.',
	],
	[
		'dark',
		'c.yaml:1:1: the config file is "dark"; expected a map with theme, ascii, mouse, motion, large, keys.',
	],
	['keys: q', 'c.yaml:1:7: keys is "q"; expected a map with quit, help, more, up, play, run, next-panel.'],
	[
		'keys:\n  hlep: x',
		'c.yaml:2:3: Unknown command hlep; use quit, help, more, up, play, run, next-panel. Did you mean help?',
	],
	[
		'keys:\n  help: entr',
		'c.yaml:2:9: help is "entr"; use a character, ctrl- and a letter, or a name such as enter or pageup. Did you mean enter?',
	],
	[
		'keys:\n  help: [x, {a: b}]',
		'c.yaml:2:13: help is a map; use a character, ctrl- and a letter, or a name such as enter or pageup.',
	],
	[
		'keys:\n  help: ctrl-c',
		'c.yaml:2:9: help is "ctrl-c"; ctrl-c always leaves dmascope; choose another key.',
	],
	['keys:\n  help: q', 'c.yaml:2:9: q is the key of help and of quit; choose another for one of them.'],
	[
		'keys:\n  help: x\n  quit: [Q, x]',
		'c.yaml:3:13: x is the key of quit and of help; choose another for one of them.',
	],
	['keys:\n  up: tab', 'c.yaml:2:7: tab is the key of up and of next-panel; choose another for one of them.'],
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

test('a setting that appears twice and a file that is not YAML are refused with their place', () => {
	assert.throws(
		() => parse('theme: dark\ntheme: light'),
		/^Error: c\.yaml:2:1: "theme" appears twice; remove one\./,
	);
	assert.throws(() => parse('keys: {'), /^Error: c\.yaml:1:8: not YAML: /);
	assert.throws(() => parse('keys:\n  help: ?'), /^Error: c\.yaml:2:/);
});

test('commands of two places, or never available together, may share a key', () => {
	assert.deepEqual(parse('keys: {more: u, up: u}').keys, {more: ['u'], up: ['u']});
	assert.deepEqual(parse('keys: {play: x, run: x}').keys, {play: ['x'], run: ['x']});
	assert.deepEqual(parse('keys: {quit: "?", help: q}').keys, {quit: ['?'], help: ['q']});
});

test('chosen keys replace those of the table; Ctrl-C stays', () => {
	const keys = Object.fromEntries(
		withKeys(TABLE, parse('keys: {quit: Q, next-panel: [n]}')).map(command => [command.id, command.keys]),
	);
	assert.deepEqual([keys.quit, keys['next-panel'], keys.help], [['Q', 'ctrl-c'], ['n'], ['?']]);
});

test('the table of commands has no clash: a file may repeat its keys', () => {
	const keys = commands.map(
		({id, keys}) => `  ${id}: ${JSON.stringify(keys.filter(key => key !== 'ctrl-c'))}`,
	);
	assert.equal(
		withKeys(commands, parseConfig('c', `keys:\n${keys.join('\n')}\n`, commands)).length,
		commands.length,
	);
});

test('any file gives settings or one sentence', () => {
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

test('the file is where XDG says, and optional unless it is named', t => {
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
		/mine\.yaml does not exist; check the path after --config\./,
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
		assert.throws(() => parse('['.repeat(65_536)), /c\.yaml:1:\d+: the file is nested too deeply here/);
		assert.throws(() => parse(`[${','.repeat(65_000)}`), /c\.yaml:1:3: not YAML: Unexpected , /);
		assert.throws(
			() => parse(Array.from({length: 9000}, (_, i) => `k${i}:`).join('\n')),
			/Unknown setting k0/,
		);
	});
});
