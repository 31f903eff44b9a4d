// A page of host physical memory, byte for byte, as it is now.

import {NO_MEMORY, ownerAt, UNKNOWN} from '../../explain/ranges.js';
import {hex, PAGE_SIZE} from '../../formats/address.js';
import type {Row} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

/** Of a row of 16 bytes: address, bytes and text. */
const WIDE = 76;

export function pagePanel({machine, state, page}: Ui, width: number): List {
	const words = machine.memory.page(page);
	const owner = ownerAt(state.owned, page);
	if (words === undefined)
		return list(`PAGE ${hex(page)}`, [
			[owner === NO_MEMORY ? ' There is no memory at that address.' : ' This page cannot be read now.'],
		]);
	const bytes = new Uint8Array(words.buffer, words.byteOffset, PAGE_SIZE);
	const perRow = width >= WIDE ? 16 : 8;
	return {
		title: `PAGE ${hex(page)}${owner === UNKNOWN ? '' : ` ─ ${owner}`}`,
		head: [],
		count: PAGE_SIZE / perRow,
		row: index => byteRow(bytes.subarray(index * perRow, (index + 1) * perRow), page + index * perRow),
	};
}

function byteRow(bytes: Uint8Array, address: number): Row {
	const shown = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
	const text = [...bytes].map(byte => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
	const empty = bytes.every(byte => byte === 0);
	return [
		[` ${hex(address)} `, 'dim'],
		[`${shown}  `, empty ? 'dim' : 'plain'],
		[text, 'dim'],
	];
}
