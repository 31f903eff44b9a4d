// The PCI functions and the domain each is in, read from its context entry.

import {ridText} from '../../formats/pci.js';
import type {Device} from '../../seam/observed.js';
import {type Content, list} from '../content.js';
import type {Row} from '../rows.js';
import type {Ui} from '../store.js';

export function devicesPanel({state}: Ui, width: number): Content {
	const rows = state.devices.map((device): Row => {
		const tone = device.domain === undefined ? 'warn' : device.vm === undefined ? 'plain' : 'guest';
		return [' ', ridText(device.rid).padEnd(7), device.name.padEnd(6), [placeOf(device, width >= 30), tone]];
	});
	return {...list('DEVICES', rows), selects: true};
}

function placeOf({domain, vm, untranslated}: Device, wide: boolean): string {
	if (untranslated) return wide ? 'not translated' : 'untranslated';
	if (domain === undefined) return 'no domain';
	if (vm === undefined) return wide ? `host domain ${domain}` : `domain ${domain}`;
	return wide ? `${vm}, domain ${domain}` : `${vm} domain ${domain}`;
}
