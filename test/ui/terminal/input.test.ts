import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {InputParser} from '../../../source/ui/terminal/input.js';
import type {MouseEvent} from '../../../source/ui/terminal/mouse.js';

function parse(...chunks: string[]) {
	const events: MouseEvent[] = [];
	const parser = new InputParser(
		event => events.push(event),
		() => 0,
	);
	const keys = chunks.map(chunk => parser.push(chunk)).join('');
	return {keys, events, kept: parser.flush()};
}

test('presses and the wheel are events, from 0; releases, drags and other buttons are dropped', () => {
	assert.deepEqual(
		parse('\x1b[<0;1;1M\x1b[<0;1;1m\x1b[<64;80;24M\x1b[<65;200;60M\x1b[<2;5;5M\x1b[<35;7;7M'),
		{
			keys: '',
			events: [
				{kind: 'press', x: 0, y: 0},
				{kind: 'wheel', up: true, x: 79, y: 23},
				{kind: 'wheel', up: false, x: 199, y: 59},
			],
			kept: '',
		},
	);
	assert.deepEqual(parse('\x1b[<80;3;4M').events, [{kind: 'wheel', up: true, x: 2, y: 3}]);
	assert.deepEqual(parse('\x1b[<0;0;0M'), {keys: '', events: [], kept: ''});
});

test('keys stay as they are, in their order, with the mouse among them', () => {
	const {keys, events} = parse('a\x1b[<0;1;2Mb\x1b[A\x1b[<65;1;2M\r\x1bOP\x1b[<x');
	assert.equal(keys, 'ab\x1b[A\r\x1bOP\x1b[<x');
	assert.equal(events.length, 2);
});

test('an Escape alone is kept back no longer than until the flush, half a report is no key', () => {
	assert.deepEqual(parse('\x1b'), {keys: '', events: [], kept: '\x1b'});
	assert.deepEqual(parse('a', '\x1b', 'b'), {keys: 'a\x1bb', events: [], kept: ''});
	assert.deepEqual(parse('a\x1b[<0;12'), {keys: 'a', events: [], kept: ''});
});

test('wherever the input is cut, keys and events are the same', () => {
	const piece = fc.constantFrom(
		'\x1b[<0;10;20M',
		'\x1b[<64;1;1M',
		'\x1b[<0;3;3m',
		'q',
		'\x1b[A',
		'\x1b[6~',
		'\r',
		'é',
		'\x1b[<9x',
		'\x1b]11;rgb:00/00/00\x07',
		'\x1b]52;c;eHk=\x1b\\',
		'\x1bP1+r544e\x1b\\',
		'\x1b[200~a\x1b]b\x1b[201~',
	);
	fc.assert(
		fc.property(fc.array(piece, {maxLength: 12}), fc.array(fc.nat(80), {maxLength: 6}), (pieces, cuts) => {
			const whole = pieces.join('');
			const at = [0, ...cuts.filter(cut => cut < whole.length).sort((a, b) => a - b), whole.length];
			const chunks = at.slice(1).map((end, i) => whole.slice(at[i], end));
			const [one, many] = [parse(whole), parse(...chunks)];
			assert.deepEqual([many.keys + many.kept, many.events], [one.keys + one.kept, one.events]);
			assert.equal(one.keys, pieces.filter(each => !/^.(\[<\d+;|\]|P)/.test(each)).join(''));
		}),
		{seed: 41, numRuns: 1000},
	);
});

test('answers to the questions of other programs are no keys, whichever way they end', () => {
	for (const answer of [
		'\x1b]11;rgb:0000/0000/0000\x07',
		'\x1b]10;?\x1b\\',
		'\x1bP>|tmux 3.5\x1b\\',
		'\x1b_Gi=1;OK\x1b\\',
	])
		assert.deepEqual(parse(`a${answer}b`), {keys: 'ab', events: [], kept: ''});
	// Cut off by Ctrl-X, or by the next sequence, it is none, and what follows is keys.
	assert.equal(parse('\x1b]11;\x18q').keys, '\x1b]11;\x18q');
	assert.equal(parse('\x1b]11;\x1b[Aq').keys, '\x1b]11;\x1b[Aq');
});

test('a sequence that does not end is keys after the flush, and holds back none of the next', () => {
	for (const begun of ['\x1b]', '\x1bP', '\x1b_', '\x1b[', '\x1b]11;rgb']) {
		const parser = new InputParser(
			() => {},
			() => 0,
		);
		assert.equal(parser.push(begun), '');
		assert.equal(parser.flush(), begun);
		assert.equal(parser.push('q'), 'q');
	}
});

test('a paste goes through whole', () => {
	const paste = '\x1b[200~\x1b]0;\x1b[<0;1;1M\x1b[200~ text\x1b[201~';
	assert.deepEqual(parse(paste.slice(0, 20), paste.slice(20)), {keys: paste, events: [], kept: ''});
});

test('a paste that stays without its end is ended by a key, after a silence, and does not grow without end', () => {
	let now = 0;
	const parser = new InputParser(
		() => {},
		() => now,
	);
	assert.equal(parser.push('\x1b[200~some'), '');
	assert.equal(parser.flush(), '');
	now += 100;
	// A letter by itself may still be of the paste.
	assert.equal(parser.push('x'), '');
	now += 1500;
	assert.equal(parser.push(' more text of a line that is slow'), '');
	now += 1500;
	assert.equal(parser.push('q'), '\x1b[200~somex more text of a line that is slow\x1b[201~q');
	assert.equal(parser.push('\x1b[200~'), '');
	for (let i = 0; i < 100; i++) assert.equal(parser.push('x'.repeat(10_000)), '');
	assert.ok(parser.kept.length < 100_000);
	assert.match(parser.push('\x1b[201~'), /^.\[200~x+.\[201~$/);
	now += 1500;
	assert.equal(parser.push('\x1b]'), '');
	for (let i = 0; i < 100; i++) parser.push('x'.repeat(10_000));
	assert.ok(parser.kept.length < 100_000);
});
