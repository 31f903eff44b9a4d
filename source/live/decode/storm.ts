// Faults come in storms: the same device and reason, a thousand times per second. They are counted as one group, with its
// rate and places, in tables of limited size.

import {compareHalves, type Halves} from '../../formats/address.js';
import {deviceText, type LoggedFault, type Notice, type Reading} from './fault.js';

/** The addresses within 2 MiB. */
export type Place = {lowest: Halves; highest: Halves; count: number};

/** The faults of one device, kind, reason and access. */
export type Group = {
	/** The first fault, with the driver of the last. */
	fault: LoggedFault;
	count: number;
	/** Seconds from the first to the last on the log's clock, ignoring steps back. */
	span: number;
	first?: number;
	last?: number;
	/** At most PLACES; `elsewhere` counts the faults at other addresses. */
	places: Map<number, Place>;
	elsewhere: number;
	lowest?: Halves;
	highest?: Halves;
	/** What else the log says; at most DETAILS. */
	details: Set<string>;
};

export type NoticeCount = {readonly notice: Notice; count: number};

const GROUPS = 1024;
const NOTICES = 256;
const PLACES = 64;
const DETAILS = 8;
const SAMPLES = 3;

export class Storm {
	readonly #groups = new Map<string, Group>();
	#last: Group | undefined;
	faults = 0;
	/** Faults that are only counted, because there were too many kinds. */
	leftOut = 0;
	/** Messages that the kernel suppressed, by its function. */
	readonly suppressed = new Map<string, number>();
	/** The first few counts, as they stand in the log. */
	readonly suppressedCounts = new Map<string, number[]>();
	/** How often there was no room for a record. */
	overflows = 0;
	/** How often the kernel said that it handles faults. */
	statuses = 0;
	readonly #notices = new Map<string, NoticeCount>();
	/** Groups by a fault that differs from others in its address and time alone. */
	readonly #alike = new Map<LoggedFault, Group>();
	notUnderstood = 0;
	/** The first few lines that were not understood. */
	readonly samples: string[] = [];

	/** @returns the group of a fault; undefined for anything else */
	add(reading: Reading): Group | undefined {
		switch (reading.is) {
			case 'fault':
				return this.#fault(reading.fault, reading.times, reading.like);
			case 'repeat':
				this.faults += reading.times;
				if (this.#last === undefined) this.leftOut += reading.times;
				else this.#more(this.#last, this.#last.fault, reading.times);
				return this.#last;
			case 'detail':
				if (this.#last && this.#last.details.size < DETAILS) this.#last.details.add(reading.text);
				return undefined;
			case 'suppressed':
				// Only a few kernel functions report this.
				this.#suppress(reading.of, reading.messages);
				return undefined;
			case 'overflow':
				this.overflows++;
				return undefined;
			case 'status':
				this.statuses++;
				return undefined;
			case 'notice':
				this.#notice(reading.notice);
				return undefined;
			case 'not understood':
				this.notUnderstood++;
				if (this.samples.length < SAMPLES) this.samples.push(reading.line.slice(0, 400));
				return undefined;
		}
	}

	/** Whether the log said anything of an IOMMU. */
	get hasAnything(): boolean {
		const {faults, notUnderstood, overflows, statuses, suppressed, notices} = this;
		return (
			faults + notUnderstood + overflows + statuses + suppressed.size > 0 ||
			notices.some(({notice}) => notice.of === 'iommu')
		);
	}

	/** Messages that are no refused access, by first appearance. */
	get notices(): readonly NoticeCount[] {
		return [...this.#notices.values()];
	}

	/** By first appearance. */
	get groups(): readonly Group[] {
		return [...this.#groups.values()];
	}

	#suppress(of: string, messages: number): void {
		if (this.suppressed.size >= SAMPLES * 8 && !this.suppressed.has(of)) return;
		this.suppressed.set(of, (this.suppressed.get(of) ?? 0) + messages);
		const counts = this.suppressedCounts.get(of) ?? [];
		if (counts.length <= SAMPLES) this.suppressedCounts.set(of, [...counts, messages]);
	}

	#notice(notice: Notice): void {
		const key = `${notice.id} ${notice.device === undefined ? '' : deviceText(notice.device)}`;
		const known = this.#notices.get(key);
		if (known !== undefined) known.count++;
		else if (this.#notices.size < NOTICES) this.#notices.set(key, {notice, count: 1});
	}

	#fault(fault: LoggedFault, times: number, like?: LoggedFault): Group | undefined {
		this.faults += times;
		const alike = like && this.#alike.get(like);
		if (alike !== undefined) {
			this.#more(alike, fault, times);
			this.#last = alike;
			return alike;
		}
		if (this.#last !== undefined && same(this.#last.fault, fault)) {
			this.#more(this.#last, fault, times);
			return this.#last;
		}
		const key = keyOf(fault);
		let group = this.#groups.get(key);
		if (group === undefined) {
			if (this.#groups.size >= GROUPS) {
				this.leftOut += times;
				this.#last = undefined;
				return undefined;
			}
			group = {
				fault,
				count: 0,
				span: 0,
				places: new Map(),
				elsewhere: 0,
				details: new Set(),
			};
			this.#groups.set(key, group);
		}
		this.#more(group, fault, times);
		this.#last = group;
		if (like !== undefined) this.#alike.set(like, group);
		return group;
	}

	#more(group: Group, fault: LoggedFault, times: number): void {
		group.count += times;
		if (fault.driver !== undefined && fault.driver !== group.fault.driver)
			group.fault = {...group.fault, driver: fault.driver};
		if (fault.detail !== undefined && group.details.size < DETAILS) group.details.add(fault.detail);
		addTime(group, fault.time);
		if (fault.address !== undefined) addPlace(group, fault.address, times);
	}
}

/** Whether two faults belong to the same group. */
const same = (a: LoggedFault, b: LoggedFault): boolean =>
	a.device?.rid === b.device?.rid &&
	a.device?.segment === b.device?.segment &&
	a.reason === b.reason &&
	a.flags === b.flags &&
	a.access === b.access &&
	a.kind === b.kind &&
	a.name === b.name &&
	a.pasid === b.pasid &&
	a.endpoint === b.endpoint &&
	a.unit === b.unit &&
	a.by === b.by &&
	a.family === b.family;

const keyOf = (fault: LoggedFault): string => {
	const {family, by, kind, name, device, access, reason, flags, pasid, endpoint, unit} = fault;
	return `${device?.segment} ${device?.rid} ${access} ${reason} ${flags} ${pasid} ${name} ${kind} ${by} ${family} ${endpoint} ${unit}`;
};

function addTime(group: Group, time: number | undefined): void {
	if (time === undefined) return;
	if (group.last !== undefined && time > group.last) group.span += time - group.last;
	group.first ??= time;
	group.last = time;
}

function addPlace(group: Group, address: Halves, times: number): void {
	if (group.lowest === undefined || compareHalves(address, group.lowest) < 0) group.lowest = address;
	if (group.highest === undefined || compareHalves(address, group.highest) > 0) group.highest = address;
	const key = placeKey(address);
	const place = group.places.get(key);
	if (place !== undefined) {
		place.count += times;
		if (compareHalves(address, place.lowest) < 0) place.lowest = address;
		if (compareHalves(address, place.highest) > 0) place.highest = address;
	} else if (group.places.size < PLACES) {
		group.places.set(key, {lowest: address, highest: address, count: times});
	} else group.elsewhere += times;
}

/** The number of its 2 MiB. */
const placeKey = ({lo, hi}: Halves): number => hi * 2048 + (lo >>> 21);

/** Faults per second; undefined where the clock does not show it. */
export const rateOf = ({count, span}: Group): number | undefined =>
	count > 1 && span > 0 ? (count - 1) / span : undefined;
