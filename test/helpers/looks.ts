// How a screen looks, as text: under each cell a letter that says what its colours mean.

import xterm from '@xterm/headless';
import {renderToString, Text} from 'ink';
import {createElement} from 'react';
import {LOOKS, type Look, type ThemeName, TONES, type Tone} from '../../source/text/tones.js';
import {themeWith} from '../../source/ui/theme.js';
import type {Cell} from './cells.js';
import {cellsOf} from './cells.js';

const LETTERS: Readonly<Record<Tone, string>> = {
	plain: ' ',
	title: 'T',
	focus: 'F',
	border: '-',
	dim: 'd',
	good: 'g',
	bad: 'B',
	warn: 'W',
	key: 'k',
	field: '_',
	chosen: 'C',
	changed: 'N',
	missing: 'M',
	ownerKernel: 'K',
	ownerTables: 'P',
	ownerGuest0: '0',
	ownerGuest1: '1',
	ownerGuest2: '2',
	ownerGuest3: '3',
	ownerBuffer: 'D',
	ownerFree: 'f',
	graph: 'h',
	graphFaults: 'x',
	graphHits: 'y',
};
/** A row that looks as the one above it. */
const DITTO = '"';
/** Letters for looks that no tone has by itself: two tones at once, or a cell of the map. */
const OTHERS = Array.from({length: 94}, (_, i) => String.fromCharCode(0x21 + i)).filter(
	letter => letter !== DITTO && !Object.values(LETTERS).includes(letter),
);

/** What the terminal makes of each tone of a theme; where two look alike, the first of them. */
async function tonesByLook(name: ThemeName): Promise<Map<string, Tone>> {
	const theme = themeWith(name, 3);
	const terminal = new xterm.Terminal({cols: TONES.length, rows: 1, allowProposedApi: true});
	const painted = TONES.map(tone => renderToString(createElement(Text, theme[tone], 'x'))).join('');
	await new Promise<void>(resolve => terminal.write(painted, resolve));
	const [cells] = cellsOf(terminal);
	terminal.dispose();
	return new Map(TONES.map((tone, i): [string, Tone] => [cells[i].look, tone]).reverse());
}

const wordsOf = ({text, ground, bold, underline, inverse}: Look): string =>
	[text?.[0], ground && `on ${ground[0]}`, bold && 'bold', underline && 'underlined', inverse && 'inverse']
		.flatMap(word => word || [])
		.join(' ');

/** A letter for each cell, and then what the letters mean. */
export async function looksOf(cells: readonly (readonly Cell[])[], name: ThemeName): Promise<string> {
	const byLook = await tonesByLook(name);
	const looks = LOOKS[name];
	const seen = new Set<Tone>();
	const others = new Map<string, string>();
	const letterOf = ({sign, look, words}: Cell): string => {
		const tone = byLook.get(look);
		if (tone === undefined) {
			// The colour of a blank cannot be seen.
			if (sign === ' ' && !/on|underlined|inverse/.test(words)) return LETTERS.plain;
			if (!others.has(words)) others.set(words, OTHERS[others.size] ?? '?');
			return others.get(words) ?? '?';
		}
		const {ground, underline, inverse} = looks[tone];
		const meant = sign === ' ' && !ground && !underline && !inverse ? 'plain' : tone;
		seen.add(meant);
		return LETTERS[meant];
	};
	const rows = cells.map(row => row.map(letterOf).join('').trimEnd());
	const meant = (tone: Tone) => {
		const alike = TONES.filter(other => wordsOf(looks[other]) === wordsOf(looks[tone]));
		return `${LETTERS[tone]}  ${wordsOf(looks[tone])}: ${alike.join(', ')}`;
	};
	return [
		...rows.map((row, y) => (row !== '' && row === rows[y - 1] ? DITTO : row)),
		'',
		...TONES.filter(tone => tone !== 'plain' && seen.has(tone)).map(meant),
		...[...others].map(([words, letter]) => `${letter}  ${words}`),
	].join('\n');
}
