import assert from 'node:assert/strict';
import {test} from 'node:test';
import {stripVTControlCharacters} from 'node:util';
import {renderToString, Text} from 'ink';
import {Labelled, Prose, Wrapped} from '../../source/ui/components/prose.js';

test('no wrapped line begins with a blank, however full the line before it is', () => {
	const text = 'It asked to write at 0xdeadbeef000, which its page tables do not map, and was refused.';
	for (let columns = 16; columns < 60; columns++) {
		const lines = renderToString(<Prose indent={0}>{text}</Prose>, {columns}).split('\n');
		assert.deepEqual(
			lines.filter(line => line.startsWith(' ')),
			[],
			`${columns} columns`,
		);
		assert.equal(lines.map(line => line.trim()).join(' '), text);
	}
});

test('nor where the blanks have a style of their own', () => {
	for (let columns = 12; columns < 40; columns++) {
		const text = (
			<Wrapped>
				out of the host domain.
				<Text color="cyan">{'  Next: p, then Enter.'}</Text>
			</Wrapped>
		);
		for (const line of renderToString(text, {columns}).split('\n'))
			assert.doesNotMatch(stripVTControlCharacters(line), /^ /, `${columns} columns`);
	}
});

test('texts beside a label wrap beside it', () => {
	const shown = renderToString(<Labelled label="why" width={6} texts={['one two three', 'four']} />, {
		columns: 17,
	});
	assert.equal(shown, [' why   one two', '       three', '       four'].join('\n'));
});

test('control characters of foreign text never reach the terminal', () => {
	assert.equal(renderToString(<Prose>{'disk \x1b[2J\u202e name'}</Prose>, {columns: 40}), ' disk ?[2J? name');
});
