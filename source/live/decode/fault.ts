// An IOMMU fault in a kernel log, as plain data. It contains only what the log says; the rest is undefined.

import type {Halves} from '../../formats/address.js';
import {type Rid, ridBus} from '../../formats/pci.js';
import type {ReasonClass} from '../../formats/vtd-reasons.js';

/** `segment` is undefined where the log omits it, as Linux before 7.0 does for VT-d. */
export type LoggedDevice = {readonly segment?: number; readonly rid: Rid};

/** What was refused or failed. */
export type Kind =
	| 'access'
	| 'interrupt'
	| 'device entry'
	| 'device request'
	| 'page request'
	| 'hardware'
	| 'command'
	| 'invalidation'
	| 'ownership'
	| 'unattached'
	| 'stream'
	| 'unknown';

/** The kinds of IOMMUs, by the names that people know them by. */
export type Family = keyof typeof FAMILY_NAMES;
export const FAMILY_NAMES = {
	'vt-d': 'VT-d',
	'amd-vi': 'AMD-Vi',
	'smmu-v3': 'Arm SMMUv3',
	smmu: 'Arm SMMU',
	'virtio-iommu': 'virtio-iommu',
	'risc-v': 'RISC-V IOMMU',
	dart: 'Apple DART',
	rockchip: 'Rockchip IOMMU',
	mediatek: 'MediaTek IOMMU',
	exynos: 'Exynos SysMMU',
	sun50i: 'Allwinner IOMMU',
	tegra: 'Tegra memory controller',
	omap: 'OMAP IOMMU',
	ipmmu: 'Renesas IPMMU',
	msm: 'MSM IOMMU',
	unnamed: 'IOMMU',
} as const;

export type System =
	| 'Linux'
	| 'FreeBSD'
	| 'QEMU'
	| 'Xen'
	| 'illumos'
	| 'OpenBSD'
	| 'ESXi'
	| 'macOS'
	| 'jailhouse';

export type LoggedFault = {
	readonly family: Family;
	readonly by: System;
	readonly kind: Kind;
	/** The log's own name: DMA Read, IO_PAGE_FAULT. */
	readonly name: string;
	readonly device?: LoggedDevice;
	/** What did it, where that is no PCI function: a platform device, a stream, an endpoint. */
	readonly endpoint?: string;
	/** The IOMMU's own name: arm-smmu-v3.0.auto, 15000000.iommu. */
	readonly unit?: string;
	/** Arm: the stream and substream; RISC-V: the device ID; virtio: the endpoint. */
	readonly stream?: number;
	readonly substream?: number;
	/** The level of the table walk at which it ended. */
	readonly level?: number;
	/** The driver in the same line, or FreeBSD's device name: vfio-pci, em0. */
	readonly driver?: string;
	readonly access?: 'read' | 'write';
	readonly address?: Halves;
	/** VT-d: the fault reason, and the log's words for it. */
	readonly reason?: number;
	readonly words?: string;
	/** AMD-Vi: bits 27:16 of the event's second word. */
	readonly flags?: number;
	readonly domain?: number;
	readonly pasid?: number;
	/** The index of a refused interrupt. */
	readonly index?: number;
	/** What else the log says. */
	readonly detail?: string;
	/** IOMMUs other than VT-d and AMD-Vi: the reason in sentences, and its class. */
	readonly meaning?: readonly string[];
	readonly cause?: ReasonClass;
	/** Seconds on the log's own clock. */
	readonly time?: number;
};

/** A message that is not about a refused access. */
export type Notice = {
	/** `neighbour`: of something beside the IOMMU, such as swiotlb or VFIO. */
	readonly of: 'iommu' | 'neighbour';
	/** Stays the same for repeats. */
	readonly id: string;
	readonly title: string;
	/** What it means, and what helps. */
	readonly says: readonly string[];
	readonly look?: readonly string[];
	readonly device?: LoggedDevice;
	readonly line: string;
	readonly time?: number;
};

export type FaultReading = {
	readonly is: 'fault';
	readonly fault: LoggedFault;
	readonly times: number;
	/** An earlier fault that differs in its address and time alone. */
	readonly like?: LoggedFault;
};

/** One thing in a line. */
export type Reading =
	| FaultReading
	/** Repeats the previous fault. */
	| {readonly is: 'repeat'; readonly times: number}
	| {readonly is: 'detail'; readonly text: string}
	/** Messages that the kernel suppressed; `of` is its function. */
	| {readonly is: 'suppressed'; readonly of: string; readonly messages: number}
	/** Hardware or the kernel's queue had no room for a record. */
	| {readonly is: 'overflow'}
	/** The kernel handled faults; their details are in other lines. */
	| {readonly is: 'status'}
	| {readonly is: 'notice'; readonly notice: Notice}
	/** Looks like a fault, but cannot be read. */
	| {readonly is: 'not understood'; readonly line: string};

const two = (value: number): string => value.toString(16).padStart(2, '0');

/** As lspci writes it: 3b:00.0, or 0000:3b:00.0 where the segment is known. */
export function deviceText({segment, rid}: LoggedDevice): string {
	const bare = `${two(ridBus(rid))}:${two((rid >>> 3) & 0x1f)}.${rid & 7}`;
	return segment === undefined ? bare : `${segment.toString(16).padStart(4, '0')}:${bare}`;
}

/** FreeBSD's selector, for devctl and pciconf. */
export const selectorText = ({segment = 0, rid}: LoggedDevice): string =>
	`pci${segment}:${ridBus(rid)}:${(rid >>> 3) & 0x1f}:${rid & 7}`;

/** A bus, slot and function from hex digits; undefined where the function cannot exist. */
export function loggedDevice(
	segment: string | undefined,
	bus: string,
	slot: string,
	fn: string,
): LoggedDevice | undefined {
	const at = Number.parseInt(slot, 16);
	if (at > 0x1f) return undefined;
	const rid = (Number.parseInt(bus, 16) << 8) | (at << 3) | Number(fn);
	return segment === undefined ? {rid} : {segment: Number.parseInt(segment, 16), rid};
}

/** A requester ID of up to four hex digits. */
export const ridDevice = (hex: string): LoggedDevice => ({rid: Number.parseInt(hex, 16)});

/** The start of a log's text. */
export function excerpt(text: string, longest = 160): string {
	const signs = [...text];
	return signs.length > longest ? `${signs.slice(0, longest - 1).join('')}…` : text;
}
