// IOMMU trace events: what a kernel does to its domains.

import type {Halves} from '../formats/address.js';

/** `at` is in seconds of CLOCK_MONOTONIC. No event names its domain. */
export type TraceEvent = {at: number; task: string; pid: number} & EventDetails;
export type EventDetails =
	| {is: 'map'; iova: Halves; paddr: number; bytes: number}
	/** The driver asked for `bytes`; `unmapped` of them were mapped. */
	| {is: 'unmap'; iova: Halves; bytes: number; unmapped: number}
	| {is: 'attach' | 'detach'; device: string}
	| {is: 'group'; device: string; group: number; joined: boolean}
	| {is: 'fault'; device: string; iova: Halves; flags: number; driver?: string};

export type Trace = {
	/** The latest events, newest last. */
	events: readonly TraceEvent[];
	total: number;
	/** Events that the kernel dropped for lack of buffer space. */
	lost: number;
	/** Maps and unmaps in each past second, newest last. */
	maps: readonly number[];
	unmaps: readonly number[];
	/** Bytes mapped and unmapped since the start. */
	mapped: number;
	unmapped: number;
	/** Why the trace ended. */
	ended?: string;
};
