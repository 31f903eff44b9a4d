// How a screen looks, as text: under each cell a letter that says what its colours mean.

import xterm from '@xterm/headless';
import {LOOKS, type Look, TONES, type Tone, theme, themeName} from '../../source/ui/theme.js';
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
	guest: 'v',
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

/** What the terminal makes of each tone of the current theme; where two look alike, the first of them. */
async function tonesByLook(): Promise<Map<string, Tone>> {
	const terminal = new xterm.Terminal({cols: TONES.length, rows: 1, allowProposedApi: true});
	const painted = TONES.map(tone => `\x1b[m\x1b[${theme[tone]}mx`).join('');
	await new Promise<void>(resolve => terminal.write(painted, resolve));
	const [cells] = cellsOf(terminal);
	terminal.dispose();
	return new Map(TONES.map((tone, i): [string, Tone] => [cells[i].look, tone]).reverse());
}

const wordsOf = ({text, ground, bold, underline, inverse}: Look): string =>
	[text?.[0], ground && `on ${ground[0]}`, bold && 'bold', underline && 'underlined', inverse && 'inverse']
		.flatMap(word => word || [])
		.join(' ');

/** A letter for each cell, and then what the letters mean. @throws Error where a cell looks as no tone does */
export async function looksOf(cells: readonly (readonly Cell[])[]): Promise<string> {
	const byLook = await tonesByLook();
	const looks = LOOKS[themeName()];
	const seen = new Set<Tone>();
	const toneOf = ({sign, look}: Cell): Tone => {
		const tone = byLook.get(look);
		if (tone === undefined) throw new Error(`${sign} looks as nothing does in ${themeName()}: ${look}`);
		const {ground, underline, inverse} = looks[tone];
		// The colour of a blank cannot be seen.
		return sign === ' ' && !ground && !underline && !inverse ? 'plain' : tone;
	};
	const rows = cells.map(row => {
		const tones = row.map(toneOf);
		for (const tone of tones) seen.add(tone);
		return tones
			.map(tone => LETTERS[tone])
			.join('')
			.trimEnd();
	});
	const meant = (tone: Tone) => {
		const alike = TONES.filter(other => wordsOf(looks[other]) === wordsOf(looks[tone]));
		return `${LETTERS[tone]}  ${wordsOf(looks[tone])}: ${alike.join(', ')}`;
	};
	return [
		...rows.map((row, y) => (row !== '' && row === rows[y - 1] ? DITTO : row)),
		'',
		...TONES.filter(tone => tone !== 'plain' && seen.has(tone)).map(meant),
	].join('\n');
}
