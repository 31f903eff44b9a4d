// Every command by name: those whose words hold what was typed, the best first.

import type {Row} from '../../text/rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import type {UiCommand} from './command.js';
import {commands} from './index.js';

/** Commands that have each word of the text in their name or description. */
export function matches(text: string): readonly UiCommand[] {
	const words = text.toLowerCase().split(' ').filter(Boolean);
	const report = ({id, label, description}: UiCommand) => `${id} ${label} ${description}`.toLowerCase();
	const fitting = commands.filter(
		command => command.label !== 'scroll' && words.every(word => report(command).includes(word)),
	);
	const first = words[0] ?? '';
	const rank = ({id, label}: UiCommand) => (label.startsWith(first) || id.startsWith(first) ? 0 : 1);
	return fitting.toSorted((a, b) => rank(a) - rank(b));
}

/** Columns of the longest label, "write a test". */
const LABEL = 12;

export function paletteList(ui: Ui, sign: (text: string) => string): List {
	const found = matches(ui.prompt?.text ?? '');
	const rows = found.map((command): Row => {
		const why = command.why?.(ui);
		return [
			[` ${sign(command.shown).padEnd(6)}`, 'key'],
			`${command.label.padEnd(LABEL)} `,
			[why ?? sign(command.description), why === undefined ? 'plain' : 'dim'],
		];
	});
	return {...list(sign('COMMANDS ─ type, ↑ ↓, ⏎'), rows), selects: true};
}
