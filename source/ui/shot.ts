// A picture that is asked for by name: which view of a machine, how large, and in which colours.

import chalk from 'chalk';
import {unknownWord} from '../did-you-mean.js';
import type {ObservedMachine} from '../machine/observed.js';
import type {Step} from '../machine/scenario.js';
import {THEMES} from '../text/tones.js';
import {UserError} from '../user-error.js';
import {compareForm} from './commands/traffic.js';
import {formatOf, type Look, type PictureSize, saveDiagram, savePicture} from './picture.js';
import {dispatch} from './state/dispatch.js';
import {createUi, show} from './state/store.js';
import {DIAGRAMS, type DiagramId, fits, LEAST, VIEWS, type ViewId, viewIdsOf} from './state/views.js';
import {themeWith} from './theme.js';

export type ShotFlags = {
	view?: string;
	diagram?: string;
	size?: string;
	theme?: string;
	ascii: boolean;
	large: boolean;
};
/** What to draw, and into which file. */
export type Shot = {
	readonly file: string;
	readonly what: {readonly view: ViewId} | {readonly diagram: DiagramId};
	readonly size: PictureSize;
	readonly look: Look;
	readonly large: boolean;
};

const USUAL: PictureSize = {columns: 120, rows: 40};
const MOST: PictureSize = {columns: 400, rows: 200};

/** @throws UserError */
export function readShot(file: string, flags: ShotFlags): Shot {
	formatOf(file);
	if (flags.view !== undefined && flags.diagram !== undefined)
		throw new UserError('--view and --diagram are two pictures; leave one out.');
	const name = chosen('theme', flags.theme ?? 'dark', THEMES);
	return {
		file,
		what:
			flags.diagram === undefined
				? {view: chosen('view', flags.view ?? 'overview', VIEWS)}
				: {diagram: chosen('diagram', flags.diagram, DIAGRAMS)},
		size: flags.size === undefined ? USUAL : parseSize(flags.size),
		look: {name, appearance: {theme: themeWith(name, 3), ascii: flags.ascii}},
		large: flags.large,
	};
}

function chosen<Word extends string>(noun: string, word: string, words: readonly Word[]): Word {
	const known = words.find(each => each === word);
	if (known === undefined) throw new UserError(unknownWord(noun, word, words));
	return known;
}

/** 120x40 */
function parseSize(text: string): PictureSize {
	const [, columns = 0, rows = 0] = (/^(\d{1,4})[x×](\d{1,4})$/.exec(text) ?? []).map(Number);
	const size = {columns, rows};
	if (!fits(size) || columns > MOST.columns || rows > MOST.rows)
		throw new UserError(
			`--size ${text} is not a size from ${LEAST.columns}x${LEAST.rows} to ${MOST.columns}x${MOST.rows}.`,
		);
	return size;
}

/** Takes the steps, goes to the view, and writes the picture. @throws UserError */
export async function takeShot(
	machine: ObservedMachine,
	steps: readonly Step[],
	wanted: Shot,
): Promise<void> {
	// Ink's colours are chalk's.
	chalk.level = 3;
	const store = createUi(machine);
	store.setState({motion: false, large: wanted.large});
	for (const {command} of steps) dispatch(store, command);
	const {file, what, look, size} = wanted;
	if ('diagram' in what) {
		saveDiagram(store, file, what.diagram, look);
		return;
	}
	const views = viewIdsOf(machine.kind);
	if (!views.includes(what.view))
		throw new UserError(`This machine has no view ${what.view}; it has ${views.join(', ')}.`);
	show(store, what.view);
	if (what.view === 'compare') await compareForm(store);
	await savePicture(store, file, look, size);
}
