import assert from 'node:assert/strict';
import {test} from 'node:test';
import chalk from 'chalk';
import fc from 'fast-check';
import stringWidth from 'string-width';
import inkColorize from '../../../node_modules/ink/build/colorize.js';
import type {DOMElement, DOMNode} from '../../../node_modules/ink/build/dom.js';
import inkSquash from '../../../node_modules/ink/build/squash-text-nodes.js';
import {Cache} from '../../../source/ui/terminal/ink/cache.js';
import colorize from '../../../source/ui/terminal/ink/colorize.js';
import squash from '../../../source/ui/terminal/ink/squash-text-nodes.js';
import widthOf from '../../../source/ui/terminal/ink/string-width.js';

const signs = [
	...[
		'a',
		' ',
		'─',
		'日',
		'é',
		'e\u0301',
		'\u0301',
		'👩‍💻',
		'🇫🇷',
		'각',
		'✔️',
		'⚡',
		'\u200b',
		'ﾊﾞ',
		'☰',
		'\u202e',
	],
	...[
		'\n',
		'\r\n',
		'\t',
		'\x1b[31m',
		'\x1b[m',
		'\x1b[2J',
		'\x1b[38:2:1:2:3m',
		'\x1b]8;;http://a\x07',
		'\x1b',
		'\x9b1m',
		'\x07',
	],
];
const text = fc.array(fc.constantFrom(...signs), {maxLength: 12}).map(some => some.join(''));

test('string-width gives the widths of the original', () => {
	fc.assert(
		fc.property(text, some => {
			assert.equal(widthOf(some), stringWidth(some));
			assert.equal(widthOf(some), stringWidth(some), 'again');
			const options = {countAnsiEscapeCodes: true};
			assert.equal(widthOf(some, options), stringWidth(some, options));
		}),
		{seed: 15, numRuns: 5000},
	);
});

test('colorize gives the text of the original at every Chalk level', () => {
	const colours = [
		'red',
		'greenBright',
		'#56c8d8',
		'ansi256(208)',
		'rgb(1, 2, 3)',
		'no colour',
		'',
		undefined,
	];
	for (const level of [3, 0, 1, 2, 3] as const) {
		chalk.level = level;
		for (const colour of colours)
			for (const some of ['a', '', 'two\nlines', chalk.blue('b')])
				for (const type of ['foreground', 'background'] as const)
					assert.equal(colorize(some, colour, type), inkColorize(some, colour, type));
	}
});

const transforms = [
	undefined,
	undefined,
	(line: string) => `\x1b[1m${line}\x1b[22m`,
	(line: string, i: number) => `${i}${line}`,
	(line: string) => line.toUpperCase(),
];
type Tree = {children: (Tree | string)[]; transform: number; isHidden: boolean};
const {tree} = fc.letrec<{tree: Tree}>(tie => ({
	tree: fc.record({
		children: fc.array(fc.oneof({weight: 3, arbitrary: text}, {weight: 1, arbitrary: tie('tree')}), {
			maxLength: 4,
		}),
		transform: fc.nat(transforms.length - 1),
		isHidden: fc.boolean(),
	}),
}));
const rest = () => ({parentNode: undefined, style: {}});
const element = ({children, transform, isHidden}: Tree, nodeName: DOMElement['nodeName']): DOMElement => ({
	...{nodeName, isHidden, attributes: {}, internal_transform: transforms[transform], ...rest()},
	childNodes: children.map(
		(child): DOMNode =>
			typeof child === 'string'
				? {nodeName: '#text', nodeValue: child, ...rest()}
				: element(child, 'ink-virtual-text'),
	),
});

test('squash-text-nodes gives the text of the original after random changes', () => {
	fc.assert(
		fc.property(tree, fc.array(fc.tuple(fc.nat(9), tree), {maxLength: 5}), (first, changes) => {
			const node = element(first, 'ink-text');
			assert.equal(squash(node), inkSquash(node));
			for (const [at, changed] of changes) {
				const inner = node.childNodes.at(-1);
				const into = inner === undefined || inner.nodeName === '#text' ? node : inner;
				into.childNodes.splice(
					at % (into.childNodes.length + 1),
					1,
					...element(changed, 'ink-text').childNodes,
				);
				into.internal_transform = transforms[changed.transform];
				assert.equal(squash(node), inkSquash(node));
				assert.equal(squash(node), inkSquash(node), 'again');
			}
		}),
		{seed: 16, numRuns: 1000},
	);
});

test('a cache keeps what was used lately', () => {
	const cache = new Cache<number>(3);
	let made = 0;
	const get = (key: string) => cache.get(key, () => ++made);
	for (const key of 'abc') get(key);
	assert.deepEqual(Array.from('abc', get), [1, 2, 3]);
	// a is used again and again.
	for (const key of 'adaeafagahai') get(key);
	assert.equal(get('a'), 1);
	assert.equal(get('i'), made);
	assert.notEqual(get('b'), 2);
});
