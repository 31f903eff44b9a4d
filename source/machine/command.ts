// Commands in, outcomes out: all that a person, a scenario or a test does to a machine, and all that comes back.

import type {Transfer} from './observed.js';
import type {Work} from './workload.js';

export const POLICIES = ['remove', 'keep', 'bounce'] as const;
export type Policy = (typeof POLICIES)[number];
export const FAMILIES = ['vt-d', 'amd-vi', 'none'] as const;
export type Family = (typeof FAMILIES)[number];
export const MODELS = ['virtio-blk', 'ahci-hd', 'nvme'] as const;
export type Model = (typeof MODELS)[number];

/** A guest as bhyve is started for it. `disk` is a device of the host (ada0, ada0p1, da0) or `file`. */
export type GuestSpec = {
	name: string;
	memory: number;
	/** bhyve -S. */
	wired: boolean;
	model: Model;
	disk: string;
	/** Selectors or names of ppt devices, bound in this order. */
	passthru: readonly string[];
};

/** A machine before it is switched on. */
export type MachineSpec = {
	iommu: Family;
	hostMemory: number;
	policy: Policy;
	/** hw.vmm.amdvi.host_ptp: whether the host domain has a page table at all (AMD-Vi only). */
	hostPtp: boolean;
	/** As before D12661: a passthru device that its VM leaves goes back to the host domain. */
	returnsToHost: boolean;
	/** What the disk's controller says of a disk write whose memory it could not read. */
	hba: 'silent' | 'error';
	/** Functions that ppt takes at boot, as the loader's pptdevs has them. */
	pptdevs: readonly string[];
	guests: readonly GuestSpec[];
};

/** A guest's request to its disk, cut into `segments`; `requests` (1) of them one after the other, in one kick. */
export type DiskCommand = {
	do: 'read' | 'write' | 'delete';
	vm: string;
	lba: number;
	sectors: number;
	segments: number;
	requests?: number;
	gpa: number;
};
/** A function told to write to or read from an address of its own domain. */
export type DmaCommand = {do: 'dma'; device: string; access: 'write' | 'read'; gpa: number; bytes: number};
export type TransferCommand = DiskCommand | DmaCommand;

/** The guests' next `count` requests of their own, of which `writes` (0) in a hundred write. */
export type WorkCommand = {do: 'work'; count: number; writes?: number};

/** What vmm and the PCI bus are asked to do; `device` is a name or a selector such as 4:0:0. */
export type LifecycleCommand =
	| ({do: 'create'} & GuestSpec)
	| {do: 'destroy' | 'reinit'; vm: string}
	| {do: 'bind' | 'unbind'; vm: string; device: string}
	| {do: 'attach' | 'detach' | 'unplug'; device: string}
	| {do: 'plug'; device: string; rid: string}
	| {do: 'unload'};

/** What no kernel does: guest pages out of a domain, with or without the invalidation that has to follow. */
export type TableCommand =
	| {do: 'unmap' | 'map'; from: 'host' | 'guest'; vm: string; gpa: number; pages: number; invalidate: boolean}
	| {do: 'invalidate'};

export type Command =
	| TransferCommand
	| WorkCommand
	| LifecycleCommand
	| TableCommand
	| {do: 'boot'; vm: string}
	| {do: 'policy'; policy: Policy}
	/** Switches the machine off, and on again with these parts. */
	| {do: 'start'; machine: MachineSpec};

/** Why vmm, or bhyve, refused. */
export type Refusal = 'ENOENT' | 'EBUSY' | 'ENXIO' | 'unwired';

/** What the domains came to: how many there are, and how many pages of memory the host's does not map. */
export type Tables = {domains: number; missing: number};

export type Outcome =
	| {kind: 'transfer'; transfer: Transfer; report: string}
	| {kind: 'boot'; bootable: boolean; found: string[]; transfers: Transfer[]; report: string}
	| {kind: 'work'; work: Work; report: string}
	| {kind: 'policy'; policy: Policy; report: string}
	| {kind: 'lifecycle'; error?: Refusal; tables: Tables; report: string};
