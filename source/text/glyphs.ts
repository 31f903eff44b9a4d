// The signs that panels draw with, and their ASCII stand-ins. Each pair has the same width, so whole painted lines
// are translated at the very end, and nothing else needs to know.

import stringWidth from 'string-width';

/** Every other sign is the stand-in of the one before it. */
const PAIRS = [
	// Borders.
	'╭+╮+╰+╯+─-│|├+┤+┬+┴+┼+┌+┐+└+┘+━=┃|═=║|',
	// Marks and arrows. Keys have names instead: see useKeySign.
	'▸>▾v▶>◀<‹<›>✗x✓v→>←<↑^↓v⏎<↵<⌫<●*○o■#□.◆*▪*▏|▕|',
	// Punctuation.
	'…~·-–-—-×x−-’\'‘\'“"”"≥>≤<≠!±~µu',
	// Bars, from empty to full, and shades.
	'▁_▂.▃:▄-▅=▆+▇*█#░.▒:▓#▌#▐#▀"',
].join('');

const STAND_INS: ReadonlyMap<string, string> = new Map(
	Array.from({length: PAIRS.length / 2}, (_, i) => [PAIRS[2 * i], PAIRS[2 * i + 1]]),
);

/** All signs of one column that have a stand-in, except for braille. */
export const SIGNS: readonly string[] = [...STAND_INS.keys()];

const BRAILLE = 0x2800;
/** By the number of dots: a graph keeps its shape. */
const DENSITY = ' .:-=+*##';

const standInOf = (sign: string): string => STAND_INS.get(sign) ?? dots(sign.charCodeAt(0) - BRAILLE);

function dots(bits: number): string {
	let count = 0;
	for (let rest = bits; rest > 0; rest &= rest - 1) count++;
	return DENSITY[count];
}

/** Accents are dropped; any other character becomes one question mark per column. */
function unknown(grapheme: string): string {
	const bare = grapheme.normalize('NFKD').replace(/\p{M}/gu, '');
	const width = stringWidth(grapheme);
	return /^[\x20-\x7e]+$/.test(bare) && bare.length === width ? bare : '?'.repeat(width);
}

const KNOWN = new RegExp(`[${SIGNS.join('')}\u2800-\u28ff]`, 'g');
const OTHERS = /[^\p{ASCII}]/u;
/** With the character before, which an accent may belong to. */
const RUNS = /\p{ASCII}?[^\p{ASCII}]+/gu;
const graphemes = new Intl.Segmenter();

/** A painted line in ASCII, as many columns wide; escape sequences are ASCII and stay as they are. */
export function asciiOf(line: string): string {
	const text = line.replace(KNOWN, standInOf);
	if (!OTHERS.test(text)) return text;
	return text.replace(RUNS, run => {
		let bare = '';
		for (const {segment} of graphemes.segment(run)) bare += OTHERS.test(segment) ? unknown(segment) : segment;
		return bare;
	});
}
