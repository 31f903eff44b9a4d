// Refused accesses, the newest first, and what hardware and kernel made of them.

import {hex} from '../../formats/address.js';
import type {Fault} from '../../seam/observed.js';
import {type Content, list} from '../content.js';
import type {Row} from '../rows.js';
import type {Ui} from '../store.js';

export function faultsPanel({state}: Ui, width: number): Content {
	const {blocked, total, used, overflow, kernelLogged} = state.registers;
	const full = overflow ? ', full' : '';
	const title = `FAULTS ─ the lab saw ${blocked} · registers hold ${used} of ${total}${full} · kernel logged ${kernelLogged}`;
	const newest = [...state.faults].reverse();
	if (newest.length === 0) return list(title, [[[' No access has been refused.', 'dim']]]);
	return {...list(title, []), count: newest.length, row: index => faultRow(newest[index], width)};
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
