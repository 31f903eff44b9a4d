// Each layer reports its work to a probe, like DTrace's static probes. The lab listens during a transfer and builds the
// verdict's chain from the events. No layer depends on a listener.

import type {Rid} from '../formats/pci.js';

export type Fault = {
	rid: Rid;
	iova: number;
	write: boolean;
	/** VT-d's fault reason, or AMD-Vi's event type. */
	reason: number;
	/** The reason in words. */
	text: string;
	/** Whether a fault record register or the event log holds it. */
	recorded: boolean;
};

export type Extent = {address: number; bytes: number};

export type ProbeEvent =
	| {at: 'virtio-blk'; head: number; descriptors: number; data: Extent[]}
	/** dmascope itself asks the device model, past the guest's ring. The addresses are the guest's. */
	| {at: 'model'; data: Extent[]}
	/** A command, or the part of it in one iovec. The addresses are the guest's. */
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
