// The PCI functions and the domain each is in, read from its context entry.

import {ridText} from '../../formats/pci.js';
import type {Device} from '../../machine/observed.js';
import {fit, type Row} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

export function devicesPanel({state}: Ui, width: number): List {
	const names = Math.max(6, ...state.devices.map(({name}) => name.length + 1));
	const rows = state.devices.map((device): Row => {
		if (state.writer !== undefined) return ownRow(device, Math.min(names, width - 20));
		const tone = device.domain === undefined ? 'warn' : device.vm === undefined ? 'plain' : 'guest';
		return [' ', ridText(device.rid).padEnd(7), device.name.padEnd(6), [placeOf(device, width >= 30), tone]];
	});
	return {...list('DEVICES', rows), selects: true};
}

/** A function of a machine whose kernel drives it itself. */
function ownRow(device: Device, names: number): Row {
	const where = device.domain === undefined ? placeOf(device, true) : `domain ${device.domain}`;
	const tone = device.domain === undefined ? 'warn' : 'plain';
	return [' ', ridText(device.rid).padEnd(7), `${fit(device.name, names - 1)} `, [where, tone]];
}

function placeOf({domain, vm, untranslated}: Device, wide: boolean): string {
	if (untranslated) return wide ? 'not translated' : 'untranslated';
	if (domain === undefined) return 'no domain';
	if (vm === undefined) return wide ? `host domain ${domain}` : `domain ${domain}`;
	return wide ? `${vm}, domain ${domain}` : `${vm} domain ${domain}`;
}
