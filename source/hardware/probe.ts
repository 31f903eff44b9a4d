// What each layer says as it works, in the manner of DTrace's static probes. The lab listens while a transfer
// runs and builds the chain of its verdict from this; nothing in the layers depends on being heard.

import type {Rid} from '../formats/pci.js';

export type Fault = {
	rid: Rid;
	iova: number;
	write: boolean;
	/** VT-d's fault reason, or the type of AMD-Vi's event. */
	reason: number;
	/** The same in words. */
	text: string;
	/** Whether it is in a fault record register, or in the event log. */
	recorded: boolean;
};

export type Extent = {address: number; bytes: number};

export type ProbeEvent =
	| {at: 'virtio-blk'; descriptors: number; data: Extent[]}
	/** A command, or the part of it that one iovec holds. The addresses are the guest's. */
	| {at: 'ahci-hd'; slot: number; prds: number; data: Extent[]}
	| {at: 'nvme'; queue: number; command: number; prps: number; data: Extent[]}
	| {at: 'queue'; pending: number; busy: number; blocked: number}
	| {at: 'block_if'; worker: string; iovec: Extent[]; path: 'direct' | 'bounced' | 'copied'}
	| {at: 'copy'; bytes: number}
	| {at: 'syscall'; name: string; offset: number; bytes: number; result: number; error?: string}
	| {at: 'file'; bytes: number}
	| {at: 'driver'; name: 'ahci' | 'umass'; lba: number; segments: Extent[]}
	| {at: 'hba'; name: 'HBA' | 'xHCI'; bytes: number; dropped: number; direct?: boolean; error?: string}
	| {at: 'fault'; fault: Fault};

export type Probe = (event: ProbeEvent) => void;
