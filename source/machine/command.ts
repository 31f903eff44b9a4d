// Commands: everything a person, a scenario or a test can do to a machine, as plain data.

import type {ReleaseName} from '../kernel/release.js';

export const POLICIES = ['remove', 'keep', 'bounce'] as const;
export type Policy = (typeof POLICIES)[number];
export const FAMILIES = ['vt-d', 'amd-vi', 'none'] as const;
export type Family = (typeof FAMILIES)[number];
export const MODELS = ['virtio-blk', 'ahci-hd', 'nvme'] as const;
export type Model = (typeof MODELS)[number];
/** What the disk controller reports for a disk write whose memory it could not read. */
export const HBA_WORDS = ['silent', 'error'] as const;

/** How bhyve starts a guest. `disk` is a device of the host (ada0, ada0p1, da0) or `file`. */
export type GuestSpec = {
	name: string;
	memory: number;
	/** bhyve -S. */
	wired: boolean;
	model: Model;
	disk: string;
	/** Selectors or names of ppt devices, bound in this order. */
	passthru: readonly string[];
	/** block_if's option `nodelete`: the guest is not offered trim. */
	nodelete?: boolean;
};

/** The parts of a machine, before power-on. */
export type MachineSpec = {
	iommu: Family;
	hostMemory: number;
	policy: Policy;
	/** hw.vmm.amdvi.host_ptp: whether the host domain has a page table (AMD-Vi only). */
	hostPtp: boolean;
	/** hw.vmm.amdvi.enable (AMD-Vi only). FreeBSD's default is 0; the lab's is 1, as its guests need it. */
	amdviEnable: boolean;
	/** hw.vmm.iommu.enable. */
	iommuEnable: boolean;
	/** The release whose behaviour vmm and bhyve have. */
	freebsd: ReleaseName;
	/** From r305485 to D12661, a passthru device went back to the host domain when its VM released it. */
	returnsToHost: boolean;
	/** Whether functions have a function-level reset, which ppt uses when a VM takes or releases them. */
	flr: boolean;
	/** What the disk controller reports for a disk write whose memory it could not read. */
	hba: (typeof HBA_WORDS)[number];
	/** Functions that ppt takes at boot, as in the loader's pptdevs. */
	pptdevs: readonly string[];
	guests: readonly GuestSpec[];
};

/** A guest's request to its disk, in `segments`; `requests` (default 1) consecutive ones with one kick. */
export type DiskCommand = {
	do: 'read' | 'write' | 'delete';
	vm: string;
	lba: number;
	sectors: number;
	segments: number;
	requests?: number;
	gpa: number;
};
/** Makes a function write or read an address in its own domain. */
export type DmaCommand = {do: 'dma'; device: string; access: 'write' | 'read'; gpa: number; bytes: number};
export type TransferCommand = DiskCommand | DmaCommand;

/** The guests' own next `count` requests; `writes` (default 0) percent of them write. */
export type WorkCommand = {do: 'work'; count: number; writes?: number};

/** Requests to vmm and the PCI bus. `device` is a name or a selector such as 4:0:0. */
export type LifecycleCommand =
	| ({do: 'create'} & GuestSpec)
	| {do: 'destroy' | 'reinit'; vm: string}
	| {do: 'bind' | 'unbind'; vm: string; device: string}
	| {do: 'attach' | 'detach' | 'unplug'; device: string}
	| {do: 'plug'; device: string; rid: string}
	| {do: 'unload'};

/** Table edits that no kernel makes: guest pages leave or enter a domain, with or without the invalidation. */
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
	/** Powers the machine off, and on again with these parts. */
	| {do: 'start'; machine: MachineSpec};
