// A recording of a terminal as an SVG that moves: each row in each of its forms, which is visible while it lasts. It
// moves by SMIL, which browsers play in an <img> too.

import type {Cell} from './cells.js';
import {DARK, type Palette} from './palette.js';
import {rowOf, screenPage} from './screen-svg.js';
import {round} from './xml.js';

/** The screen from a moment on, in milliseconds. */
export type Frame = {readonly at: number; readonly rows: readonly (readonly Cell[])[]};

/** Plays again and again. `end`: how long it lasts, in milliseconds. */
export function movingSvg(
	frames: readonly Frame[],
	end: number,
	title: string,
	palette: Palette = DARK,
): string {
	const height = Math.max(0, ...frames.map(({rows}) => rows.length));
	const rows = Array.from({length: height}, (_, y) => {
		const forms = new Map<string, number[]>();
		frames.forEach(({rows}, i) => {
			const form = rowOf(rows[y] ?? [], y, palette);
			forms.set(form, [...(forms.get(form) ?? []), i]);
		});
		return [...forms].map(([form, shown]) => animated(form, shown, frames, end)).join('');
	});
	return screenPage(frames[0]?.rows ?? [], title, palette, rows);
}

/** A row that is visible in some of the frames. */
function animated(form: string, shown: readonly number[], frames: readonly Frame[], end: number): string {
	if (form === '' || shown.length === frames.length) return form;
	const values: string[] = [];
	const times: number[] = [];
	frames.forEach(({at}, i) => {
		const value = shown.includes(i) ? 'visible' : 'hidden';
		if (values.at(-1) === value) return;
		values.push(value);
		times.push(i === 0 ? 0 : Math.round((at / end) * 10_000) / 10_000);
	});
	const timing = `dur="${round(end / 1000)}s" calcMode="discrete" repeatCount="indefinite"`;
	return `<g visibility="hidden"><animate attributeName="visibility" ${timing} keyTimes="${times.join(';')}" values="${values.join(';')}"/>${form}</g>`;
}
