import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';

/** The way of the data is the way of the folders: each may use what stands before it, none what stands after. */
const FLOORS = [
	'formats',
	'system',
	'hardware',
	'kernel',
	'bhyve',
	'guest',
	'seam',
	'lab',
	'live',
	'ui',
	'cli',
];
const root = path.resolve(import.meta.dirname, '..');

const sources = fs
	.readdirSync(path.join(root, 'source'), {recursive: true, encoding: 'utf8'})
	.filter(file => /\.tsx?$/.test(file));

const importsOf = (file: string): string[] => {
	const text = fs.readFileSync(path.join(root, 'source', file), 'utf8');
	return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(match =>
		path.normalize(path.join(path.dirname(file), match[1] ?? '')),
	);
};

/** The floor of a file; files that lie in source itself are words for all floors, and use none. */
const floorOf = (file: string): number => FLOORS.indexOf(file.split(path.sep)[0] ?? '');

test('imports run one way, from formats to ui', () => {
	const wrong = sources.flatMap(file =>
		importsOf(file)
			.filter(used => floorOf(used) > floorOf(file))
			.map(used => `${file} imports ${used}`),
	);
	assert.deepEqual(wrong, []);
});

test('every folder of source is a floor of the house', () => {
	const folders = fs
		.readdirSync(path.join(root, 'source'), {withFileTypes: true})
		.filter(entry => entry.isDirectory())
		.map(({name}) => name);
	assert.deepEqual(
		folders.filter(name => !FLOORS.includes(name)),
		[],
	);
});

test('no panel knows the lab: the dashboard sees machines through the contract', () => {
	const wrong = sources
		.filter(file => file.startsWith('ui'))
		.flatMap(file =>
			importsOf(file)
				.filter(used => /^(lab|live|guest|bhyve|kernel|hardware)\b/.test(used))
				.map(used => `${file}: ${used}`),
		);
	assert.deepEqual(wrong, []);
});

test('React is used on the floor of the ui alone', () => {
	const users = sources.filter(file =>
		/from '(react|ink)'/.test(fs.readFileSync(path.join(root, 'source', file), 'utf8')),
	);
	assert.ok(users.length > 0);
	assert.deepEqual(
		users.filter(file => !file.startsWith('ui')),
		[],
	);
});

test('lines leave the program by print.ts alone, which writes out what a terminal would obey', () => {
	const writers = sources.filter(file =>
		/\bstd(out|err)\.write\b|\bconsole\.(log|error|warn|info|debug)\b|writeSync\([012]\b/.test(
			fs.readFileSync(path.join(root, 'source', file), 'utf8'),
		),
	);
	// The clipboard, whose text is base64, and the mouse's modes.
	assert.deepEqual(writers.sort(), ['ui/dashboard.tsx', 'ui/use-mouse.ts']);
});

test('the machine hides no field from a save', () => {
	// Memory keeps a log of its own.
	const walked = sources.filter(
		file => /^(hardware|kernel|bhyve|guest|lab)\b/.test(file) && file !== path.join('hardware', 'memory.ts'),
	);
	const hidden = walked.filter(file =>
		/^\t(static |readonly )*#\w+/m.test(fs.readFileSync(path.join(root, 'source', file), 'utf8')),
	);
	assert.ok(walked.length > 50);
	assert.deepEqual(hidden, []);
});
