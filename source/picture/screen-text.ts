// A terminal's screen as text: bare, with the terminal's own colours (SGR), or as a page of HTML.

import {type Cell, paintOf, type Run, runsOf, trimmed} from './cells.js';
import type {Palette} from './palette.js';
import {escaped, FONTS, htmlPage} from './xml.js';

type Rows = readonly (readonly Cell[])[];

export const plainText = (rows: Rows): string =>
	rows
		.map(
			row =>
				`${trimmed(row)
					.map(({text}) => text)
					.join('')}\n`,
		)
		.join('');

/** To be shown by cat. */
export const ansiText = (rows: Rows): string =>
	rows.map(row => `${runsOf(trimmed(row)).map(sgrText).join('')}\n`).join('');

/** Select Graphic Rendition (ECMA-48, 8.3.117), with colours of 24 bits (ISO 8613-6). */
function sgrText(run: Run): string {
	const codes = [
		run.bold && '1',
		run.dim && '2',
		run.italic && '3',
		run.underline && '4',
		run.inverse && '7',
		run.ink && `38;2;${channels(run.ink)}`,
		run.ground && `48;2;${channels(run.ground)}`,
	].filter(Boolean);
	return codes.length === 0 ? run.text : `\x1b[${codes.join(';')}m${run.text}\x1b[m`;
}

/** #rrggbb as three numbers. */
const channels = (colour: string): string =>
	[1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16)).join(';');

export function screenHtml(rows: Rows, title: string, palette: Palette): string {
	const lines = rows.map(row =>
		runsOf(trimmed(row))
			.map(run => spanOf(run, palette))
			.join(''),
	);
	const style = `body{margin:0;background:${palette.ground};color:${palette.ink}}pre{margin:12px;font:14px/18px ${FONTS}}`;
	return htmlPage(title, style, `<pre>${lines.join('\n')}\n</pre>`);
}

function spanOf(run: Run, palette: Palette): string {
	const {ink, ground} = paintOf(run, palette);
	const style = [
		ink === palette.ink ? '' : `color:${ink}`,
		ground === palette.ground ? '' : `background:${ground}`,
		run.bold ? 'font-weight:bold' : '',
		run.italic ? 'font-style:italic' : '',
		run.underline ? 'text-decoration:underline' : '',
		run.dim ? 'opacity:.6' : '',
	].filter(rule => rule !== '');
	return style.length === 0
		? escaped(run.text)
		: `<span style="${style.join(';')}">${escaped(run.text)}</span>`;
}
