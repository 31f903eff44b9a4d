import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Chalk} from 'chalk';
import fc from 'fast-check';
import StockOutput from '../../../node_modules/ink/build/output.js';
import Output from '../../../source/ui/terminal/ink/output.js';

const chalk = new Chalk({level: 3});
const colours = [
	(text: string) => text,
	chalk.red,
	chalk.bold.bgBlue,
	chalk.hex('#56c8d8').inverse,
	chalk.dim.underline,
	(text: string) => `\x1b]8;;http://a.b\x07${text}\x1b]8;;\x07`,
];
const signs = [
	...[
		'a',
		'b',
		' ',
		' ',
		'─',
		'日',
		'é',
		'e\u0301',
		'\u0301',
		'👩‍💻',
		'🇫🇷',
		'각',
		'क्ष',
		'✔',
		'⚠️',
		'\u200b',
		'ﾊﾞ',
	],
	...['\n', '\t', '\x1b[31m', '\x1b[39m', '\x1b[0m', '\x1b[1m', '\x1b[4:3m', '\x1b[38;2;1;2;3m', '\x1b'],
];
const word = fc
	.tuple(fc.constantFrom(...colours), fc.array(fc.constantFrom(...signs), {maxLength: 9}))
	.map(([colour, some]) => colour(some.join('')));
const text = fc.array(word, {maxLength: 4}).map(words => words.join(''));
const transformers = fc.subarray([
	chalk.green,
	chalk.bgBlack,
	(line: string, i: number) => `${i}>${line}`,
	(line: string) => line.slice(1),
]);
const place = fc.integer({min: -4, max: 22});
const edge = fc.option(place, {nil: undefined});

type Call =
	| {kind: 'write'; x: number; y: number; text: string; transformers: ((line: string, i: number) => string)[]}
	| {kind: 'clip'; x1?: number; x2?: number; y1?: number; y2?: number}
	| {kind: 'unclip'};
const call: fc.Arbitrary<Call> = fc.oneof(
	{weight: 6, arbitrary: fc.record({kind: fc.constant('write'), x: place, y: place, text, transformers})},
	{weight: 1, arbitrary: fc.record({kind: fc.constant('clip'), x1: edge, x2: edge, y1: edge, y2: edge})},
	{weight: 1, arbitrary: fc.record({kind: fc.constant('clip'), x1: place, x2: edge, y1: place, y2: edge})},
	{weight: 1, arbitrary: fc.constant({kind: 'unclip'})},
);

function perform(output: Output | StockOutput, calls: readonly Call[]) {
	for (const each of calls) {
		if (each.kind === 'unclip') output.unclip();
		else if (each.kind === 'clip') output.clip({x1: each.x1, x2: each.x2, y1: each.y1, y2: each.y2});
		else output.write(each.x, each.y, each.text, {transformers: each.transformers});
	}
	return output.get();
}

const moved = (call: Call | undefined): Call =>
	call?.kind === 'write' ? {...call, x: call.x + 1} : {kind: 'unclip'};

test('random writes and clips make the rows of Ink’s Output, frame after frame', () => {
	const frame = fc.record({
		width: fc.integer({min: 0, max: 20}),
		height: fc.integer({min: 0, max: 8}),
		calls: fc.array(call, {maxLength: 12}),
		changed: fc.option(fc.tuple(fc.nat(11), fc.option(call, {nil: undefined})), {nil: undefined}),
	});
	fc.assert(
		fc.property(fc.array(frame, {minLength: 1, maxLength: 4}), frames => {
			for (const {width, height, calls, changed} of frames) {
				const size = {width, height};
				assert.deepEqual(perform(new Output(size), calls), perform(new StockOutput(size), calls));
				if (changed === undefined) continue;
				// Most of a frame was in the one before.
				const [at, other] = changed;
				const next = calls.toSpliced(at, 1, other ?? moved(calls[at]));
				assert.deepEqual(perform(new Output(size), next), perform(new StockOutput(size), next));
			}
		}),
		{seed: 14, numRuns: 1500},
	);
});
