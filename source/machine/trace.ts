// What a kernel does to its IOMMU domains, event by event, as it traces it.

import {type Halves, hex, hexHalves} from '../formats/address.js';
import {sizeText} from '../words.js';

/** `at`: seconds of CLOCK_MONOTONIC. No event says which domain it is about. */
export type TraceEvent = {at: number; task: string; pid: number} & Happened;
export type Happened =
	| {is: 'map'; iova: Halves; paddr: number; bytes: number}
	/** `bytes` were to go, `unmapped` were there. */
	| {is: 'unmap'; iova: Halves; bytes: number; unmapped: number}
	| {is: 'attach' | 'detach'; device: string}
	| {is: 'group'; device: string; group: number; joined: boolean}
	| {is: 'fault'; device: string; iova: Halves; flags: number; driver?: string};

export type Trace = {
	/** The newest of them, the last one last. */
	events: readonly TraceEvent[];
	total: number;
	/** Events that the kernel had no room for. */
	lost: number;
	/** Maps and unmaps of each second that has passed, the latest last. */
	maps: readonly number[];
	unmaps: readonly number[];
	/** Bytes that were mapped and unmapped since the beginning. */
	mapped: number;
	unmapped: number;
	/** Why there are no more of them. */
	ended?: string;
};

/** Where an event is, and what else there is to say of it. */
export function eventWords(event: TraceEvent): {where: string; more: string} {
	switch (event.is) {
		case 'map':
			return {where: hexHalves(event.iova), more: `→ ${hex(event.paddr)}  ${sizeText(event.bytes)}`};
		case 'unmap': {
			const {bytes, unmapped} = event;
			const less = unmapped === bytes ? '' : `, of which ${sizeText(unmapped)} was mapped`;
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

/** An event on a line, for a pipe. */
export function eventText(event: TraceEvent): string {
	const {where, more} = eventWords(event);
	const {at, task, pid, is} = event;
	return `${at.toFixed(6).padStart(14)}  ${`${task}-${pid}`.padEnd(20)}  ${is.padEnd(6)}  ${where}  ${more}`.trimEnd();
}

export const eventJson = (event: TraceEvent) => ({
	...event,
	...('iova' in event ? {iova: hexHalves(event.iova)} : {}),
	...('paddr' in event ? {paddr: hex(event.paddr)} : {}),
});
