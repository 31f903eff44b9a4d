// A line that is typed at the bottom of the screen: a filter, an address, or the name of a command.

import {parseFilter} from '../../explain/filter.js';
import {hex, pageOf} from '../../formats/address.js';
import type {History} from '../../machine/history.js';
import {printable} from '../../printable.js';
import {sentenceOf, UserError} from '../../user-error.js';
import {grouped} from '../../words.js';
import {TOP} from '../state/list.js';
import {isTable, rangesShown} from '../state/ranges-shown.js';
import {holds, type Prompt, type Store, say} from '../state/store.js';
import {type AppControls, runCommand} from './command.js';
import {matches} from './palette.js';

/** No line is longer. */
export const MOST_TYPED = 200;

/** Takes a key into the open line. @returns false for a key that is none of its business */
export function handlePromptKey(store: Store, key: string, app: AppControls): boolean {
	const {prompt} = store.getState();
	if (prompt === undefined || key.startsWith('ctrl-')) return false;
	if (key === 'escape') store.setState({prompt: undefined, overlay: undefined});
	else if (key === 'enter') accept(store, prompt, app);
	else if (key === 'backspace') set(store, prompt, prompt.text.slice(0, -1));
	else if (prompt.asks === 'palette' && (key === 'up' || key === 'down'))
		moveInPalette(store, key === 'up' ? -1 : 1);
	else if (key === 'space') set(store, prompt, `${prompt.text} `);
	else if ([...key].length === 1 && printable(key) === key) set(store, prompt, prompt.text + key);
	return true;
}

function set(store: Store, prompt: Prompt, text: string): void {
	store.setState(({places, focus}) => ({
		prompt: {asks: prompt.asks, text: text.slice(0, MOST_TYPED)},
		places: {...places, [prompt.asks === 'palette' ? 'palette' : focus]: TOP},
	}));
}

function moveInPalette(store: Store, by: 1 | -1): void {
	store.setState(({places, prompt}) => {
		const last = matches(prompt?.text ?? '').length - 1;
		const cursor = Math.min(Math.max(0, (places.palette?.cursor ?? 0) + by), Math.max(0, last));
		return {places: {...places, palette: {top: places.palette?.top ?? 0, cursor}}};
	});
}

function accept(store: Store, prompt: Prompt, app: AppControls): void {
	const {asks, text} = prompt;
	if (asks === 'palette') {
		const command = matches(text)[store.getState().places.palette?.cursor ?? 0];
		store.setState({prompt: undefined, overlay: undefined});
		if (command) runCommand(command, store, app);
	} else if (asks === 'filter') {
		const parsed = isTable(store.getState().focus) ? parseFilter(text) : undefined;
		if (parsed && 'wrong' in parsed) store.setState({prompt: {...prompt, problem: parsed.wrong}});
		else
			store.setState(({filters, focus}) => ({
				prompt: undefined,
				filters: {...filters, [focus]: text.trim()},
			}));
	} else if (asks === 'file' || asks === 'expect' || asks === 'undo') writeFile(store, prompt);
	else if (asks === 'screen' || asks === 'diagram') void takePicture(store, asks, prompt, app);
	else goTo(store, prompt);
}

/** The line stays open until the picture is there: where it cannot be made, another name can be typed. */
async function takePicture(
	store: Store,
	what: 'screen' | 'diagram',
	prompt: Prompt,
	app: AppControls,
): Promise<void> {
	const file = prompt.text.trim();
	try {
		await app.picture(file, what);
		store.setState({prompt: undefined});
		say(store, `Saved to ${file}.`, 'good');
	} catch (error) {
		store.setState({prompt: {...prompt, problem: sentenceOf(error)}});
	}
}

/** Where a file cannot be created, the line stays open. */
function writeFile(store: Store, prompt: Prompt): void {
	const file = prompt.text.trim();
	const {lab} = store.getState().machine;
	if (lab?.history === undefined) return;
	try {
		const done =
			prompt.asks === 'undo' ? writeUndo(lab.history, file) : writeSession(lab.history, file, prompt);
		store.setState({prompt: undefined});
		say(store, done, 'good');
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		store.setState({prompt: {...prompt, problem: error.message}});
	}
}

function writeSession(history: History, file: string, {asks}: Prompt): string {
	const after = history.write(file, asks === 'expect');
	const begins = after === 0 ? '' : ` The steps before step ${grouped(after)} are not in it.`;
	return `Written. dmascope --replay ${file} opens it, dmascope run checks it.${begins}`;
}

function writeUndo(history: History, file: string): string {
	history.writeUndo(file);
	return `Saved. sh ${file} DISK restores the old blocks.`;
}

/** An address is hex, with or without 0x. */
function goTo(store: Store, prompt: Prompt): void {
	const text = prompt.text.trim();
	const address = /^(0x)?[0-9a-f]{1,13}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
	if (address === undefined) {
		const problem = `"${text}" is no address; write it in hex, such as 0x1a20000.`;
		store.setState({prompt: {...prompt, problem}});
		return;
	}
	const ui = store.getState();
	store.setState({prompt: undefined, page: pageOf(address)});
	if (ui.focus === 'walk' && ui.access) store.setState({access: {...ui.access, iova: address}});
	if (!isTable(ui.focus)) return;
	const at = rangesShown(ui, ui.focus)?.ranges.findIndex(range => holds(range, address)) ?? -1;
	if (at < 0) say(store, `No row of this table holds ${hex(address)}.`, 'warn');
	else store.setState({places: {...ui.places, [ui.focus]: {top: Math.max(0, at - 1), cursor: at}}});
}
