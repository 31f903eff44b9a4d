// A picture of the dashboard as a store has it: rendered on a hidden terminal, and kept as a file.

import {render} from 'ink';
import {createStore} from 'zustand/vanilla';
import {createNew} from '../files.js';
import {type Cell, cellsOf} from '../picture/cells.js';
import {DARK, LIGHT, type Palette} from '../picture/palette.js';
import {svgOf} from '../picture/screen-svg.js';
import {ansiText, plainText, screenHtml} from '../picture/screen-text.js';
import type {ThemeName} from '../text/tones.js';
import {UserError} from '../user-error.js';
import {either} from '../words.js';
import {App} from './app.js';
import {diagramOf} from './diagram.js';
import {Screen} from './hooks/use-screen.js';
import type {Appearance} from './hooks/use-theme.js';
import type {Store, Ui} from './state/store.js';
import type {DiagramId} from './state/views.js';
import {HiddenKeyboard, HiddenScreen} from './terminal/hidden.js';

export type Look = {readonly name: ThemeName; readonly appearance: Appearance};
export type PictureSize = {readonly columns: number; readonly rows: number};

const FORMATS = ['.svg', '.html', '.txt', '.ansi'] as const;
type Format = (typeof FORMATS)[number];

/** The format of a file, by the end of its name. @throws UserError */
export function formatOf(file: string): Format {
	const format = FORMATS.find(end => file.endsWith(end));
	if (format !== undefined) return format;
	throw new UserError(`${file} has no format; end its name with ${either(FORMATS)}.`);
}

/** Pictures for paper are on white. */
const paletteOf = (name: ThemeName): Palette => (name === 'dark' || name === 'colour-blind' ? DARK : LIGHT);

/** Writes a new file with the screen. @throws UserError */
export async function savePicture(store: Store, file: string, look: Look, size: PictureSize): Promise<void> {
	const format = formatOf(file);
	const palette = paletteOf(look.name);
	const title = `dmascope: ${store.getState().view}`;
	const rows = await cellsShown(store.getState(), look, size);
	const text = {
		'.svg': () => svgOf(rows, title, palette),
		'.html': () => screenHtml(rows, title, palette),
		'.txt': () => plainText(rows),
		'.ansi': () => ansiText(rows),
	}[format]();
	createNew(file, text);
}

/** Writes a new file with a diagram. @throws UserError */
export function saveDiagram(store: Store, file: string, id: DiagramId, {name}: Pick<Look, 'name'>): void {
	const format = formatOf(file);
	if (format !== '.svg') throw new UserError(`${file} cannot hold a diagram; end its name with .svg.`);
	createNew(file, diagramOf(store.getState(), id, paletteOf(name)));
}

/** So many rounds without output, and nothing more is to come: a panel that was measured renders once more. */
const QUIET_ROUNDS = 5;

/** Draws a copy of what a store holds: the picture changes nothing. */
async function cellsShown(ui: Ui, look: Look, size: PictureSize): Promise<Cell[][]> {
	const store = createStore<Ui>(() => ({
		...ui,
		prompt: undefined,
		packet: undefined,
		motion: false,
		changed: new Map(),
	}));
	const stdout = new HiddenScreen(size.columns, size.rows, false);
	stdout.setMaxListeners(0);
	const terminal = {copy: () => undefined, mouse: () => {}, empty: () => {}};
	const app = render(
		<App store={store} screen={new Screen()} appearance={look.appearance} terminal={terminal} />,
		{
			stdout,
			stdin: new HiddenKeyboard(),
			interactive: true,
			exitOnCtrlC: false,
			patchConsole: false,
			maxFps: 1000,
		},
	);

	for (let quiet = 0, written = -1; quiet < QUIET_ROUNDS; quiet++) {
		await app.waitUntilRenderFlush();
		await new Promise(resolve => setTimeout(resolve, 2));
		if (stdout.writes !== written) quiet = 0;
		written = stdout.writes;
	}
	await stdout.settled();
	const cells = cellsOf(stdout.terminal, paletteOf(look.name)).slice(0, size.rows);
	app.unmount();
	stdout.terminal.dispose();
	return cells;
}
