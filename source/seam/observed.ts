// The seam: all that the dashboard knows of what it looks at. The lab is one such machine and adds commands;
// others are read-only. Everything here is plain data but for the reader of physical memory.

import type {Rid} from '../formats/pci.js';
import type {Owned} from '../kernel/vm-page.js';

/** Reads physical memory page by page: this process's, or another machine's. */
export interface PhysicalReader {
	/** The 1,024 words of the page at a page-aligned address; undefined where there is no memory. */
	page(hpa: number): Uint32Array | undefined;
}

export const POLICIES = ['remove', 'keep', 'bounce'] as const;
export type Policy = (typeof POLICIES)[number];

/** A translation domain: where its tables start. What it maps is read from them, and from nowhere else. */
export type Domain = {
	id: number;
	role: 'host' | 'guest';
	vm?: string;
	format: 'vt-d' | 'amd-vi';
	root: number;
	/** 0: no table at all (see isIdentity). */
	levels: number;
};
export type Device = {rid: Rid; name: string; driver: string; domain?: number; vm?: string};
export type Vm = {
	name: string;
	pages: number;
	wired: boolean;
	passthru: string[];
	disk: string;
	console: readonly string[];
};
export type {Owned};
export type Disk = {
	name: string;
	path: string;
	sectors: number;
	direct: boolean;
	writable: boolean;
	sample: boolean;
};

export type Data = 'delivered' | 'lost' | 'torn' | 'failed';
export type Way = 'direct' | 'bounced' | 'copied';
/** What one place on the way of a transfer saw. `brief` is at most six columns wide. */
export type Stage = {place: string; brief: string; full: string; trouble: boolean};

export type Transfer = {
	number: number;
	command: TransferCommand;
	/** The guest whose transfer it is; for a passthru device's DMA, the one that owns it. */
	vm?: string;
	policy: Policy;
	data: Data;
	way: Way;
	bytes: number;
	landed: number;
	faults: number;
	/** The first address the device put on the bus: physical for the disk's controller, a GPA for a ppt device. */
	iova?: number;
	chain: Stage[];
	/** A sentence where something beside the verdict needs saying. */
	note?: string;
};

export type Fault = {
	number: number;
	/** The transfer it happened in. */
	transfer: number;
	rid: Rid;
	device: string;
	iova: number;
	write: boolean;
	reason: number;
	text: string;
	/** Whether a fault record register was free for it. */
	recorded: boolean;
	/** Who uses the page at that address, where the address is a physical one. */
	owner?: string;
};

/** Fault record registers; `blocked` counts all refused accesses, which only the lab can. */
export type FaultRegisters = {
	total: number;
	used: number;
	overflow: boolean;
	blocked: number;
	kernelLogged: number;
};

export type DiskCommand = {
	do: 'read' | 'write';
	vm: string;
	lba: number;
	sectors: number;
	segments: number;
	gpa: number;
};
/** A passthru device told to write to or read from an address of its own domain. */
export type DmaCommand = {do: 'dma'; device: string; access: 'write' | 'read'; gpa: number; bytes: number};
export type TransferCommand = DiskCommand | DmaCommand;
export type Command = TransferCommand | {do: 'boot'; vm: string} | {do: 'policy'; policy: Policy};

export type Outcome =
	| {kind: 'transfer'; transfer: Transfer; said: string}
	| {kind: 'boot'; bootable: boolean; found: string[]; transfers: Transfer[]; said: string}
	| {kind: 'policy'; policy: Policy; said: string};

export type MachineState = {
	/** Rises with every change; equal revisions are equal states, tables included. */
	revision: number;
	title: string;
	iommu: 'vt-d';
	policy?: Policy;
	domains: readonly Domain[];
	devices: readonly Device[];
	vms: readonly Vm[];
	owned: readonly Owned[];
	disk?: Disk;
	/** The newest transfers; `tally` counts all of them by verdict. */
	transfers: readonly Transfer[];
	tally: Readonly<Record<Data, number>>;
	faults: readonly Fault[];
	registers: FaultRegisters;
};

/** What the lab can do beyond being looked at. */
export interface LabControls {
	/** @throws UserError where the command makes no sense on this machine; nothing has happened then. */
	dispatch(command: Command): Outcome;
	/** The bytes of guest memory, and of the disk, as they are now; shorter where there are fewer. */
	guestBytes(vm: string, gpa: number, length: number): Uint8Array;
	diskBytes(lba: number, length: number): Uint8Array;
	/** Where the guests' buffer lies unless another address is asked for. */
	readonly defaultGpa: number;
}

export interface ObservedMachine {
	readonly memory: PhysicalReader;
	state(): MachineState;
	readonly lab?: LabControls;
	close(): void;
}
