// What every key does, made from the table of commands, in as many columns as there is room for.

import type {MachineKind, MachineState} from '../machine/observed.js';
import {GROUPS, NEEDS_LAB} from './commands/command.js';
import {commands} from './commands/index.js';
import {keySign} from './glyphs.js';
import {fit, type Row, wrap} from './rows.js';
import {type List, list} from './state/list.js';
import {OTHERWISE, panelsOf, viewIdsOf} from './state/views.js';

const INTRO = [
	'A guest reads a raw disk: the host’s disk controller writes the guest’s memory itself, and is looked up in the host domain. Policy remove takes the pages of a guest with a passthru device out of that domain, keep leaves them, bounce copies each transfer through a buffer of bhyve. The host is modelled; the disk and its bytes, the tables and the copies are real.',
	'▸ looked up there, or the buffer · ✗ no longer mapped · * bytes that differ',
	'chain: descriptors, status · iovec entries (cpy: copied) · result of preadv · PRDs · controller · faults (flt) · what landed',
];
const COLUMN = 40;

/** What a machine has to say of itself stands in place of what the lab is. */
export function helpPanel(
	width: number,
	{notes}: Pick<MachineState, 'notes'> = {},
	kind: MachineKind = 'lab',
): List {
	const ids = viewIdsOf(kind);
	const there: readonly string[] = ids;
	const hasMap = ids.some(view => panelsOf(kind, view)?.includes('map'));
	const columns = Math.max(1, Math.min(3, Math.floor(width / COLUMN)));
	const rows = GROUPS.filter(group => !(kind !== 'lab' && NEEDS_LAB.includes(group))).flatMap(
		(group): Row[] => [
			[[fit(` ${group}`, COLUMN), 'title']],
			...commands
				.filter(
					({id, group: own, place}) =>
						own === group && (group !== 'Views' || there.includes(id)) && (place !== 'map' || hasMap),
				)
				.map(({id, shown, description: usual}): Row => {
					const description = OTHERWISE[kind]?.[id] ?? usual;
					const key = `   ${keySign(shown).padEnd(6)}`;
					return [[key, 'key'], fit(keySign(description), COLUMN - key.length)];
				}),
		],
	);
	const height = Math.ceil(rows.length / columns);
	const beside = Array.from(
		{length: height},
		(_, y): Row => Array.from({length: columns}, (_, x) => rows[x * height + y] ?? []).flat(),
	);
	const prose = (notes ?? INTRO)
		.flatMap(text => wrap(text, Math.min(width - 2, 98)))
		.map((line): Row => [[` ${line.trim()}`, 'dim']]);
	return list('HELP ─ where did that DMA land?', [...prose, ...beside]);
}
