// Faults as JSON. Addresses are hex strings.

import {hexHalves} from '../../formats/address.js';
import type {LoggedFaultJson, LoggedFaultsJson, LogSummaryJson, NoticeJson} from '../../outputs.js';
import type {Explained} from './explain.js';
import {deviceText, type LoggedFault, type Notice} from './fault.js';
import type {Surroundings} from './known.js';
import {type Group, type NoticeCount, rateOf, type Storm} from './storm.js';

const faultFields = (fault: LoggedFault) => {
	const {
		device,
		endpoint,
		address,
		reason,
		words,
		flags,
		domain,
		pasid,
		stream,
		substream,
		meaning: _,
		cause: __,
		...rest
	} = fault;
	return {
		device: device === undefined ? endpoint : deviceText(device),
		...rest,
		stream: hex(stream),
		substream: hex(substream),
		address: address && hexHalves(address),
		reason,
		reasonText: words,
		flags: hex(flags),
		domain: hex(domain),
		pasid: hex(pasid),
	};
};

/** To a millionth: clocks have no more. */
const rounded = (value: number | undefined): number | undefined =>
	value === undefined ? undefined : Number(value.toFixed(6));
/** Three digits, and none of a time too short for a rate. */
const rateRounded = (group: Group): number | undefined => {
	const rate = group.span < 1 ? undefined : rateOf(group);
	return rate === undefined ? undefined : Number(rate.toPrecision(3));
};

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
		seconds: rounded(span),
		perSecond: rateRounded(group),
		first: rounded(first),
		last: rounded(last),
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

/** A message that is no refused access. */
export const noticeJson = ({notice, count}: NoticeCount): NoticeJson => ({
	type: notice.of === 'iommu' ? 'notice' : 'neighbour',
	about: notice.id,
	device: notice.device && deviceText(notice.device),
	title: notice.title,
	count,
	says: notice.says,
	look: notice.look,
	line: notice.line,
});

const noticeCount = ({notices}: Storm, of: Notice['of']): number =>
	notices.reduce((sum, {notice, count}) => sum + (notice.of === of ? count : 0), 0);

export function summaryJson(storm: Storm, bytes: number): LogSummaryJson {
	const {faults, groups, leftOut, suppressed, overflows, statuses, notUnderstood, samples} = storm;
	return {
		type: 'summary',
		faults,
		kinds: groups.length,
		leftOut,
		suppressedMessages: Object.fromEntries(suppressed),
		overflows,
		statusLines: statuses,
		notices: noticeCount(storm, 'iommu'),
		neighbours: noticeCount(storm, 'neighbour'),
		notUnderstood,
		samples,
		bytes,
	};
}
