// What a kernel does to its IOMMU domains, event by event, as it traces it.

import type {Halves} from '../formats/halves.js';

/** `at`: seconds of CLOCK_MONOTONIC. No event says which domain it is about. */
export type TraceEvent = {at: number; task: string; pid: number} & Happened;
export type Happened =
	| {is: 'map'; iova: Halves; paddr: number; bytes: number}
	/** `bytes` were to go, `unmapped` were there. */
	| {is: 'unmap'; iova: Halves; bytes: number; unmapped: number}
	| {is: 'attach' | 'detach'; device: string}
	| {is: 'group'; device: string; group: number; joined: boolean}
	| {is: 'fault'; device: string; iova: Halves; flags: number; driver?: string};

export type Traced = {
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
