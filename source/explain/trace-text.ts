// A trace event in words, and for programs.

import {hex, hexHalves} from '../formats/address.js';
import type {TraceEvent} from '../machine/trace.js';
import type {TraceLine} from '../outputs.js';
import {padEnd} from '../text/width.js';
import {sizeText} from '../words.js';

/** The address or device of an event, and its details. */
export function eventWords(event: TraceEvent): {where: string; more: string} {
	switch (event.is) {
		case 'map':
			return {where: hexHalves(event.iova), more: `→ ${hex(event.paddr)}  ${sizeText(event.bytes)}`};
		case 'unmap': {
			const {bytes, unmapped} = event;
			const less = unmapped === bytes ? '' : `, only ${sizeText(unmapped)} was mapped`;
			return {where: hexHalves(event.iova), more: `${sizeText(bytes)}${less}`};
		}
		case 'attach':
		case 'detach':
			return {where: event.device, more: ''};
		case 'group':
			return {where: event.device, more: `${event.joined ? 'joins' : 'leaves'} group ${event.group}`};
		case 'fault': {
			const driver = event.driver === undefined ? '' : ` (${event.driver})`;
			return {where: hexHalves(event.iova), more: `${event.device}${driver}, flags ${hex(event.flags, 1)}`};
		}
	}
}

/** An event as a line of text. */
export function eventText(event: TraceEvent): string {
	const {where, more} = eventWords(event);
	const {at, task, pid, is} = event;
	return `${at.toFixed(6).padStart(14)}  ${padEnd(`${task}-${pid}`, 20)}  ${is.padEnd(6)}  ${where}  ${more}`.trimEnd();
}

export function eventJson(event: TraceEvent): TraceLine {
	if (event.is === 'map') return {...event, iova: hexHalves(event.iova), paddr: hex(event.paddr)};
	if (event.is === 'unmap' || event.is === 'fault') return {...event, iova: hexHalves(event.iova)};
	return event;
}
