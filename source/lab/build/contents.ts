// The contents of a machine's memory, disk and caches now. Reading them changes nothing.

import {compareCached} from '../../explain/cached.js';
import {PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {Rid} from '../../formats/pci.js';
import type {Cached, Unit} from '../../machine/tables.js';
import type {Machine} from './machine.js';

/** The bytes of guest memory; fewer at its end. */
export function guestBytes(machine: Machine, vm: string, gpa: number, length: number): Uint8Array {
	const map = machine.guest(vm)?.vm.map;
	if (map === undefined) return new Uint8Array(0);
	let mapped = 0;
	while (mapped < length && map.hpa(gpa + mapped) !== undefined)
		mapped += Math.min(PAGE_SIZE - ((gpa + mapped) % PAGE_SIZE), length - mapped);
	return map.read(gpa, mapped);
}

/** The bytes of a guest's disk; fewer at its end. @throws the system's error */
export function diskBytes(machine: Machine, vm: string, lba: number, length: number): Uint8Array {
	const guest = machine.guest(vm);
	return guest ? machine.disks.peek(guest.spec.disk)(lba * SECTOR, length) : new Uint8Array(0);
}

/** What the caches hold for a function and an address. */
export function cachedIn(machine: Machine, unit: Unit | undefined, rid: Rid, iova: number): Cached {
	const {caches} = machine.family;
	if (caches === undefined) return {};
	const page = (domain: number) => caches.iotlb.cached(domain, iova);
	return compareCached(machine.memory, unit, rid, caches.entry(rid), page);
}
