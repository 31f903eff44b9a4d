// Faults come in storms: the same device, the same reason, a thousand times a second. They are kept as one, with how
// often and where, in tables that do not grow.

import {compareHalves, type Halves} from '../../formats/address.js';
import type {LoggedFault, Reading} from './fault.js';

/** Addresses of one 2 MiB. */
export type Place = {lowest: Halves; highest: Halves; count: number};

/** Faults of one device, kind, reason and way of access. */
export type Group = {
	/** The first of them, with the driver of the last. */
	fault: LoggedFault;
	count: number;
	/** Seconds of the log's clock from the first to the last, without the gaps where the clock was set back. */
	span: number;
	first?: number;
	last?: number;
	/** At most PLACES of them; `elsewhere` is how many faults were at others. */
	places: Map<string, Place>;
	elsewhere: number;
	lowest?: Halves;
	highest?: Halves;
	/** What the log says of them besides; at most DETAILS. */
	details: Set<string>;
};

const GROUPS = 1024;
const PLACES = 64;
const DETAILS = 8;
const SAMPLES = 3;

export class Storm {
	readonly #groups = new Map<string, Group>();
	#last: Group | undefined;
	faults = 0;
	/** Faults of which nothing but this number is kept: there were too many kinds. */
	leftOut = 0;
	/** Messages that the kernel did not print, by the function that would have. */
	readonly suppressed = new Map<string, number>();
	/** How often hardware or the kernel had no room for a record. */
	overflows = 0;
	notUnderstood = 0;
	/** The first few of them. */
	readonly samples: string[] = [];

	/** @returns the group that a fault went to; undefined for all else that a log says. */
	add(reading: Reading): Group | undefined {
		switch (reading.is) {
			case 'fault':
				return this.#fault(reading.fault, reading.times);
			case 'repeat':
				this.faults += reading.times;
				if (this.#last === undefined) this.leftOut += reading.times;
				else this.#more(this.#last, this.#last.fault, reading.times);
				return this.#last;
			case 'detail':
				if (this.#last && this.#last.details.size < DETAILS) this.#last.details.add(reading.text);
				return undefined;
			case 'suppressed':
				// There are only a few functions that say so.
				if (this.suppressed.size < SAMPLES * 8 || this.suppressed.has(reading.of))
					this.suppressed.set(reading.of, (this.suppressed.get(reading.of) ?? 0) + reading.messages);
				return undefined;
			case 'overflow':
				this.overflows++;
				return undefined;
			case 'not understood':
				this.notUnderstood++;
				if (this.samples.length < SAMPLES) this.samples.push(reading.line.slice(0, 400));
				return undefined;
		}
	}

	/** In the order in which they first came. */
	get groups(): readonly Group[] {
		return [...this.#groups.values()];
	}

	#fault(fault: LoggedFault, times: number): Group | undefined {
		this.faults += times;
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
		return group;
	}

	#more(group: Group, fault: LoggedFault, times: number): void {
		group.count += times;
		if (fault.driver !== undefined && fault.driver !== group.fault.driver)
			group.fault = {...group.fault, driver: fault.driver};
		if (fault.detail !== undefined && group.details.size < DETAILS) group.details.add(fault.detail);
		clocked(group, fault.time);
		if (fault.address !== undefined) placed(group, fault.address, times);
	}
}

/** By what they are one group. */
const same = (a: LoggedFault, b: LoggedFault): boolean =>
	a.device?.rid === b.device?.rid &&
	a.device?.segment === b.device?.segment &&
	a.reason === b.reason &&
	a.flags === b.flags &&
	a.access === b.access &&
	a.kind === b.kind &&
	a.name === b.name &&
	a.pasid === b.pasid &&
	a.by === b.by &&
	a.family === b.family;

const keyOf = ({family, by, kind, name, device, access, reason, flags, pasid}: LoggedFault): string =>
	`${device?.segment} ${device?.rid} ${access} ${reason} ${flags} ${pasid} ${name} ${kind} ${by} ${family}`;

function clocked(group: Group, time: number | undefined): void {
	if (time === undefined) return;
	if (group.last !== undefined && time > group.last) group.span += time - group.last;
	group.first ??= time;
	group.last = time;
}

function placed(group: Group, address: Halves, times: number): void {
	if (group.lowest === undefined || compareHalves(address, group.lowest) < 0) group.lowest = address;
	if (group.highest === undefined || compareHalves(address, group.highest) > 0) group.highest = address;
	const key = `${address.hi} ${address.lo >>> 21}`;
	const place = group.places.get(key);
	if (place !== undefined) {
		place.count += times;
		if (compareHalves(address, place.lowest) < 0) place.lowest = address;
		if (compareHalves(address, place.highest) > 0) place.highest = address;
	} else if (group.places.size < PLACES) {
		group.places.set(key, {lowest: address, highest: address, count: times});
	} else group.elsewhere += times;
}

/** Faults a second; undefined where the clock does not tell. */
export const rateOf = ({count, span}: Group): number | undefined =>
	count > 1 && span > 0 ? (count - 1) / span : undefined;
