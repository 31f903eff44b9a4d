import assert from 'node:assert/strict';
import {test} from 'node:test';
import xterm from '@xterm/headless';
import {copySequence, doubtOfCopy} from '../../source/ui/terminal/clipboard.js';

const sequenceOf = (text: string, env = {}): string => {
	const copy = copySequence(text, env);
	assert.ok('sequence' in copy);
	return copy.sequence;
};

/** What a terminal was asked to copy, and what is then on its screen. */
async function asked(sequence: string): Promise<{copied: string[]; screen: string; cursor: number}> {
	const terminal = new xterm.Terminal({cols: 20, rows: 2, allowProposedApi: true});
	const copied: string[] = [];
	terminal.parser.registerOscHandler(52, data => {
		copied.push(Buffer.from(data.replace(/^c;/, ''), 'base64').toString());
		return true;
	});
	await new Promise<void>(resolve => terminal.write(`frame${sequence}`, resolve));
	const {active} = terminal.buffer;
	return {copied, screen: active.getLine(0)?.translateToString(true) ?? '', cursor: active.cursorX};
}

test('a text is copied whole, and the screen stays as it is', async () => {
	for (const text of ['0x02670000–0x0296ffff', '日本 ✓', 'x'.repeat(70_000)]) {
		assert.deepEqual(await asked(sequenceOf(text)), {copied: [text], screen: 'frame', cursor: 5});
	}
});

test('control characters are copied written out', async () => {
	const {copied} = await asked(sequenceOf('vm0\nreboot\t\x1b[31m\u202e'));
	assert.deepEqual(copied, ['vm0\\u000areboot\\u0009\\u001b[31m\\u202e']);
});

test('in tmux: once for tmux itself, once wrapped for the terminal around it', () => {
	const sequence = sequenceOf('hpa', {TMUX: '/tmp/tmux-0/default,1,0', TERM: 'screen-256color'});
	assert.equal(sequence, '\x1b]52;c;aHBh\x07\x1bPtmux;\x1b\x1b]52;c;aHBh\x07\x1b\\');
});

test('in screen: in pieces that it takes, which together are the sequence', () => {
	const text = 'y'.repeat(5000);
	const pieces = sequenceOf(text, {STY: '1.pts', TERM: 'screen'}).split('\x1b\\');
	assert.equal(pieces.pop(), '');
	assert.ok(pieces.every(piece => piece.startsWith('\x1bP') && piece.length < 768));
	assert.equal(pieces.map(piece => piece.slice(2)).join(''), sequenceOf(text));
});

test('nothing, and more than a terminal takes, are refused with a sentence', () => {
	assert.deepEqual(copySequence('', {}), {refused: 'There is nothing to copy here.'});
	assert.deepEqual(copySequence('é'.repeat(40_000), {}), {
		refused: 'That is 80,000 bytes and a terminal takes 74,994; choose less to copy.',
	});
});

test('a copy that the terminal is known to drop is said so', () => {
	const tmux = (clipboard: string, passthrough?: string) =>
		doubtOfCopy({TMUX: '/tmp/tmux-0/default,1,0'}, (_how, option) =>
			option === 'set-clipboard' ? clipboard : passthrough,
		);
	assert.match(tmux('external', 'off') ?? '', /tmux set -s set-clipboard on/);
	for (const copied of [
		tmux('on', 'off'),
		tmux('external', 'on'),
		tmux('external'),
		doubtOfCopy({TERM: 'xterm'}),
	])
		assert.equal(copied, undefined);
	assert.match(doubtOfCopy({TERM: 'linux'}) ?? '', /no clipboard/);
	assert.match(doubtOfCopy({TERM: 'xterm-256color', VTE_VERSION: '7600'}) ?? '', /may be as it was/);
});
