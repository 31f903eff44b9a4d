import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';

/** From the bottom to the top: each folder may use those before it. */
const FLOORS = [
	'formats',
	'system',
	'hardware',
	'kernel',
	'bhyve',
	'guest',
	'text',
	'machine',
	'explain',
	'picture',
	'lab',
	'quiz',
	'live',
	'ui',
	'cli',
];

const root = path.resolve(import.meta.dirname, '..', 'source');

const sources = fs
	.readdirSync(root, {recursive: true, encoding: 'utf8'})
	.filter(file => /\.tsx?$/.test(file))
	.map(file => file.split(path.sep).join('/'))
	.sort();

const textOf = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

/** The files that a file imports, type-only imports included. */
const importsOf = (file: string): string[] =>
	[...textOf(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, used = '']) => {
		const target = path.posix.join(path.posix.dirname(file), used);
		const source = target.replace(/\.js$/, '.ts');
		return sources.includes(source) ? source : target.replace(/\.js$/, '.tsx');
	});

const imports = new Map(sources.map(file => [file, importsOf(file)]));
const importedBy = (file: string): readonly string[] => imports.get(file) ?? [];

/** -1 for files directly in source/, which every floor may use, and which use none. */
const floorOf = (file: string): number => FLOORS.indexOf(file.split('/')[0] ?? '');

test('imports run one way, from the bottom floor to the top', () => {
	const wrong = sources.flatMap(file =>
		importedBy(file)
			.filter(used => floorOf(used) > floorOf(file))
			.map(used => `${file} imports ${used}`),
	);
	assert.deepEqual(wrong, []);
});

test('every folder of source/ is a floor', () => {
	const folders = fs
		.readdirSync(root, {withFileTypes: true})
		.filter(entry => entry.isDirectory())
		.map(({name}) => name);
	assert.deepEqual(
		folders.filter(name => !FLOORS.includes(name)),
		[],
	);
});

test('the plan of the readme has the floors, from the bottom to the top', () => {
	const readme = fs.readFileSync(path.join(root, '..', 'readme.md'), 'utf8');
	const [, plan = ''] = /\n## How it works\n\n([\s\S]*?)\n\n/.exec(readme) ?? [];
	assert.deepEqual(
		[...plan.matchAll(/^ {4}(\w+)\/ /gm)].map(([, name]) => name),
		FLOORS,
	);
});

/** The files that a file imports directly or through others. */
function reachable(from: string): Set<string> {
	const found = new Set<string>();
	const queue = [...importedBy(from)];
	for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
		if (found.has(file)) continue;
		found.add(file);
		queue.push(...importedBy(file));
	}
	return found;
}

test('files import each other in no circle, types included', () => {
	const reach = new Map(sources.map(file => [file, reachable(file)]));
	const leadsTo = (from: string, to: string) => reach.get(from)?.has(to) === true;
	const circles = sources
		.filter(file => leadsTo(file, file))
		.map(file => sources.filter(other => leadsTo(file, other) && leadsTo(other, file)));
	assert.ok(sources.length > 100 && leadsTo('ui/app.tsx', 'formats/address.ts'));
	assert.deepEqual(
		circles.filter(([first], i) => circles.findIndex(([other]) => other === first) === i),
		[],
	);
});

test('the dashboard sees machines only through the contract', () => {
	const wrong = sources
		.filter(file => file.startsWith('ui/'))
		.flatMap(file =>
			importedBy(file)
				.filter(used => /^(lab|live|guest|bhyve|kernel|hardware|system)\//.test(used))
				.map(used => `${file}: ${used}`),
		);
	assert.deepEqual(wrong, []);
});

test('only ui/ uses React', () => {
	const users = sources.filter(file => /from '(react|ink)'/.test(textOf(file)));
	assert.ok(users.length > 0);
	assert.deepEqual(
		users.filter(file => !file.startsWith('ui/')),
		[],
	);
});

test('only print.ts writes lines, and it escapes control characters', () => {
	const writers = sources.filter(file =>
		/\bstd(out|err)\.write\b|\bconsole\.(log|error|warn|info|debug)\b|writeSync\([012]\b/.test(textOf(file)),
	);
	// The mouse's modes.
	assert.deepEqual(writers.sort(), ['ui/dashboard.tsx']);
});

test('no class of the machine has #private names, which a save cannot reach', () => {
	// Memory keeps a log of its own.
	const walked = sources.filter(
		file => /^(hardware|kernel|bhyve|guest|lab)\//.test(file) && file !== 'hardware/memory.ts',
	);
	const hidden = walked.filter(file => /^\t(static |readonly )*#\w+/m.test(textOf(file)));
	assert.ok(walked.length > 50);
	assert.deepEqual(hidden, []);
});
