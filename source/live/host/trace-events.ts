// The kernel's iommu trace events, one line each in trace_pipe (Linux's include/trace/events/iommu.h).

import {parseHalves} from '../../formats/address.js';
import type {EventDetails, TraceEvent} from '../../machine/trace.js';

/**
 * Task, thread, processor, flags, time, event, as kernel/trace/trace_output.c prints them. The thread group and the
 * flags are optional. A task's name is any 15 bytes: too few to look like the rest of a line, which is matched from the
 * end.
 */
const LINE =
	/^ *(.*)-(\d{1,7}) +(?:\([ \d-]{1,9}\) +)?\[\d{3,5}\] +(?:[^\s:]{4,7} +)?(\d{1,12}\.\d{6}): (\w{1,40}): IOMMU:(.*)$/s;

/** @returns undefined for anything but a complete, exact event */
export function traceEvent(line: string): TraceEvent | undefined {
	const [, task, pid, at, name, text] = LINE.exec(line) ?? [];
	const happened = name === undefined ? undefined : EVENTS.get(name)?.(text);
	return happened && {at: Number(at), task, pid: Number(pid), ...happened};
}

const ADDRESS = '0x([0-9a-f]{1,16})';
/** Kernels before 2022 do not print the end. */
const RANGE = `iova=${ADDRESS}(?: - 0x[0-9a-f]{1,16})?`;
const MAP = new RegExp(`^ ${RANGE} paddr=${ADDRESS} size=(\\d{1,20})$`);
const UNMAP = new RegExp(`^ ${RANGE} size=(\\d{1,20}) unmapped_size=(\\d{1,20})$`);
const DEVICE = /^ device=(\S{1,200})$/;
const GROUP = /^ groupID=(\d{1,9}) device=(\S{1,200})$/;
const FAULT = new RegExp(`^(.{0,200}) (\\S{1,200}) iova=${ADDRESS} flags=0x([0-9a-f]{1,8})$`);

/** The supported events by the name of their folder. 6.1 has a detach event, 6.12 does not. */
export const EVENTS: ReadonlyMap<string, (text: string) => EventDetails | undefined> = new Map([
	['map', mapped],
	['unmap', unmapped],
	['attach_device_to_domain', attached('attach')],
	['detach_device_from_domain', attached('detach')],
	['add_device_to_group', grouped(true)],
	['remove_device_from_group', grouped(false)],
	['io_page_fault', fault],
]);

function mapped(text: string): EventDetails | undefined {
	const [, digits, physical, size] = MAP.exec(text) ?? [];
	if (digits === undefined) return undefined;
	const [iova, paddr, bytes] = [parseHalves(digits), Number(`0x${physical}`), Number(size)];
	return iova && exact(paddr, bytes) ? {is: 'map', iova, paddr, bytes} : undefined;
}

function unmapped(text: string): EventDetails | undefined {
	const [, digits, size, found] = UNMAP.exec(text) ?? [];
	if (digits === undefined) return undefined;
	const [iova, bytes, unmapped] = [parseHalves(digits), Number(size), Number(found)];
	return iova && exact(bytes, unmapped) ? {is: 'unmap', iova, bytes, unmapped} : undefined;
}

function attached(is: 'attach' | 'detach') {
	return (text: string): EventDetails | undefined => {
		const device = DEVICE.exec(text)?.[1];
		return device === undefined ? undefined : {is, device};
	};
}

function grouped(joined: boolean) {
	return (text: string): EventDetails | undefined => {
		const [, group, device] = GROUP.exec(text) ?? [];
		return device === undefined ? undefined : {is: 'group', device, group: Number(group), joined};
	};
}

function fault(text: string): EventDetails | undefined {
	const [, driver, device, digits, flags] = FAULT.exec(text) ?? [];
	const iova = digits === undefined ? undefined : parseHalves(digits);
	return (
		iova && {
			is: 'fault',
			device,
			iova,
			flags: Number(`0x${flags}`),
			...(driver === '' ? {} : {driver}),
		}
	);
}

/** Physical addresses have at most 52 bits; a length beyond a safe integer is not real. */
const exact = (...numbers: number[]): boolean => numbers.every(Number.isSafeInteger);
