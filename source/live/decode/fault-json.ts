// Faults as JSON. Addresses are hex strings.

import {hexHalves} from '../../formats/address.js';
import type {LoggedFaultJson, LoggedFaultsJson, LogSummaryJson} from '../../outputs.js';
import type {Explained} from './explain.js';
import {deviceText, type LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import {type Group, rateOf, type Storm} from './storm.js';

const faultFields = ({device, address, reason, words, flags, domain, pasid, ...rest}: LoggedFault) => ({
	device: device && deviceText(device),
	...rest,
	address: address && hexHalves(address),
	reason,
	reasonText: words,
	flags: hex(flags),
	domain: hex(domain),
	pasid: hex(pasid),
});

const hex = (value: number | undefined): string | undefined =>
	value === undefined ? undefined : `0x${value.toString(16)}`;

/** One fault of a followed log. */
export const eventJson = (fault: LoggedFault, times: number, explained: Explained): LoggedFaultJson => ({
	type: 'fault',
	...faultFields(fault),
	times,
	...explained,
});

/** All faults of one kind. */
export function groupJson(
	group: Group,
	{device, product}: Surroundings,
	explained: Explained,
): LoggedFaultsJson {
	const {fault, count, span, first, last, lowest, highest, places, elsewhere} = group;
	const {address: _, time: __, ...fields} = faultFields(fault);
	return {
		type: 'faults',
		...fields,
		driver: fields.driver ?? device?.driver,
		pciId: device?.id,
		product,
		iommuGroup: device?.group,
		count,
		seconds: span,
		perSecond: rateOf(group),
		first,
		last,
		lowest: lowest && hexHalves(lowest),
		highest: highest && hexHalves(highest),
		ranges: [...places.values()].map(place => ({
			lowest: hexHalves(place.lowest),
			highest: hexHalves(place.highest),
			count: place.count,
		})),
		elsewhere,
		...explained,
	};
}

export const summaryJson = (
	{faults, groups, leftOut, suppressed, overflows, notUnderstood, samples}: Storm,
	bytes: number,
): LogSummaryJson => ({
	type: 'summary',
	faults,
	kinds: groups.length,
	leftOut,
	suppressedMessages: Object.fromEntries(suppressed),
	overflows,
	notUnderstood,
	samples,
	bytes,
});
