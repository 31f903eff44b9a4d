// Refused accesses, the newest first, and what hardware and kernel made of them.

import {hex} from '../../formats/address.js';
import type {Fault} from '../../seam/observed.js';
import {faultLogText} from '../../seam/snapshot.js';
import {grouped} from '../../words.js';
import {type Content, list} from '../content.js';
import {type Row, widthOf, wrap} from '../rows.js';
import type {Ui} from '../store.js';

export function faultsPanel({state}: Ui, width: number): Content {
	const seen = `FAULTS ─ the lab saw ${grouped(state.faultLog.blocked)}`;
	const kept = faultLogText(state.faultLog);
	const whole = `${seen} · ${kept}`;
	// What does not fit into the title stands in rows below it: that nobody logs them is the point.
	const fits = widthOf(whole) <= width - 2;
	const title = fits ? whole : seen;
	const head = fits ? [] : wrap(kept, width - 2).map((line): Row => [[` ${line.trim()}`, 'dim']]);
	const newest = [...state.faults].reverse();
	if (newest.length === 0) return list(title, [[[' No access has been refused.', 'dim']]], head);
	return {title, head, count: newest.length, row: index => faultRow(newest[index], width)};
}

function faultRow({number, device, iova, write, owner, reason, text, recorded}: Fault, width: number): Row {
	const who = owner === undefined ? '' : ` ${owner}`;
	const why = width >= 62 ? `: ${text} (${reason})` : `: reason ${reason}`;
	return [
		[` #${number} `, 'dim'],
		`${device} ${write ? 'write' : 'read'} `,
		[hex(iova), 'key'],
		[who, 'guest'],
		why,
		recorded ? '' : [' not recorded', 'warn'],
	];
}
