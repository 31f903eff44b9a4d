// The structures behind the stages of a chain: what the guest's request named, the iovec, what the controller was
// given, and the pages that were refused.

import type {Extent, ProbeEvent} from '../../hardware/probe.js';
import type {Part} from '../../machine/transfer.js';

/** Of a stage with more parts than these, the first are kept. */
const KEPT = 16;

const partsOf = (kind: Part['kind'], extents: readonly Extent[]): Part[] =>
	extents.slice(0, KEPT).map(({address, bytes}) => ({kind, address, bytes}));

/** Segments of the first request that a device model took: guest physical addresses. */
export function requestParts(events: readonly ProbeEvent[]): Part[] {
	const asked = events.find(event => 'data' in event);
	return asked && 'data' in asked ? partsOf('gpa', asked.data) : [];
}

/** Pointers of the bhyve process. */
export const iovecParts = (events: readonly ProbeEvent[]): Part[] =>
	partsOf(
		'pointer',
		events.flatMap(event => (event.at === 'block_if' ? event.iovec : [])),
	);

/** PRDs, or TRBs: host physical addresses. */
export const driverParts = (events: readonly ProbeEvent[]): Part[] =>
	partsOf(
		'hpa',
		events.flatMap(event => (event.at === 'driver' ? event.segments : [])),
	);

/** Addresses that the IOMMU refused. */
export const faultParts = (events: readonly ProbeEvent[]): Part[] =>
	partsOf(
		'refused',
		events.flatMap(event => (event.at === 'fault' ? [{address: event.fault.iova, bytes: 4096}] : [])),
	);
