// The seam: all that the dashboard knows of what it looks at. The lab is one such machine and adds commands;
// others are read-only. Everything here is plain data but for the reader of physical memory.

import type {Rid} from '../formats/pci.js';
import type {Counters} from '../hardware/dma.js';
import type {Owned} from '../kernel/vm-page.js';
import type {Command, Family, MachineSpec, Model, Outcome, Policy, TransferCommand} from './command.js';
import type {History} from './history.js';
import type {HostFacts} from './host.js';
import type {Logged} from './logged.js';
import type {Scenarios} from './scenario.js';
import type {Trace} from './trace.js';
import type {Comparable, Comparison, Workload} from './workload.js';

/** Reads physical memory page by page: this process's, or another machine's. */
export interface PhysicalReader {
	/** The 1,024 words of the page at a page-aligned address; undefined where there is no memory. */
	page(hpa: number): Uint32Array | undefined;
}

/** A translation domain: where its tables start. What it maps is read from them, and from nowhere else. */
export type Domain = {
	id: number;
	/** What it is called where it has no number that anybody knows. */
	label?: string;
	/** vmm's for the host and for a guest; or one that a machine's own kernel has made for devices of its own. */
	role: 'host' | 'guest' | 'os';
	vm?: string;
	format: 'vt-d' | 'amd-vi';
	root: number;
	/** 0: no table at all (see isIdentity). */
	levels: number;
	/** What it maps, where that has been decoded already. It is the same object as long as nothing has changed. */
	mappings?: readonly Mapping[];
};
export type Mapping = {iova: number; hpa: number; pages: number; read: boolean; write: boolean};
/**
 * The IOMMU that stands between the functions and memory: where its walk starts, and what it checks entries against.
 * `enabled`: whether it translates at all.
 */
export type VtdUnit = {
	format: 'vt-d';
	enabled: boolean;
	/** The root table. */
	table: number;
	capLo: number;
	capHi: number;
	ecapLo: number;
	/** Bits of a physical address. */
	hostAddressWidth: number;
};
export type AmdviUnit = {
	format: 'amd-vi';
	enabled: boolean;
	/** The device table, and its size. */
	table: number;
	bytes: number;
};
export type Unit = VtdUnit | AmdviUnit;
export type Device = {
	rid: Rid;
	name: string;
	driver: string;
	/** Undefined where it is in none: then all of its DMA is refused, or none of it translated. */
	domain?: number;
	untranslated: boolean;
	vm?: string;
};
export type Vm = {
	name: string;
	pages: number;
	wired: boolean;
	passthru: string[];
	model: Model;
	/** The path that bhyve was given. */
	disk: string;
	console: readonly string[];
};
export type {Counters, Owned};
export type Disk = {
	name: string;
	path: string;
	sectors: number;
	direct: boolean;
	writable: boolean;
	sample: boolean;
};

/** `unchecked`: success was reported, and the disk could not be read back to compare. */
export type Data = 'delivered' | 'lost' | 'torn' | 'failed' | 'unchecked';
export type Path = 'direct' | 'bounced' | 'copied';
/** What one place on the way of a transfer saw. `brief` is at most six columns wide. */
export type Stage = {place: string; brief: string; full: string; trouble: boolean; parts?: readonly Part[]};
/** A piece of memory that a stage names: for the guest, for the bhyve process, on the bus, or refused there. */
export type Part = {kind: 'gpa' | 'pointer' | 'hpa' | 'refused'; address: number; bytes: number};

export type Transfer = {
	number: number;
	command: TransferCommand;
	/** The guest whose transfer it is; for a passthru device's DMA, the one that owns it. */
	vm?: string;
	policy: Policy;
	data: Data;
	path: Path;
	bytes: number;
	/** Undefined where that cannot be checked. */
	landed?: number;
	/** Bytes that the CPU copied on the way. */
	copied: number;
	faults: number;
	/** The function that put the addresses on the bus. */
	device?: string;
	/** The first address the device put on the bus: physical for the disk's controller, a GPA for a ppt device. */
	iova?: number;
	chain: Stage[];
	/** Of a function's own DMA: who uses the memory that it reached. */
	owners?: readonly string[];
	/** A sentence where something beside the verdict needs saying. */
	note?: string;
};

export type Fault = {
	number: number;
	/** The transfer it happened in, where that is known. */
	transfer?: number;
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

/** Where hardware writes its faults, and what became of them; what is undefined, nobody knows. */
export type FaultLog = {
	kind: 'registers' | 'event log';
	total: number;
	used: number;
	overflow: boolean;
	/** All of them, which only the lab can count. */
	blocked?: number;
	/** Lines that the kernel has logged of them; VT-d's FreeBSD driver has no handler, and logs none. */
	kernelLogged?: number;
	kernelLines: readonly string[];
};

export type MachineState = {
	/** Rises with every change; equal revisions are equal states, tables included. */
	revision: number;
	/** Rises when tables, devices or memory may have changed. */
	tables: number;
	title: string;
	iommu: Family;
	policy?: Policy;
	/** Undefined where the machine has no IOMMU. */
	unit?: Unit;
	domains: readonly Domain[];
	devices: readonly Device[];
	vms: readonly Vm[];
	owned: readonly Owned[];
	disk?: Disk;
	/** The newest transfers; `tally` counts all of them by verdict. */
	transfers: readonly Transfer[];
	tally: Readonly<Record<Data, number>>;
	faults: readonly Fault[];
	faultLog: FaultLog;
	/** Of the translation caches: the model's, since FreeBSD shows none. */
	counters?: Counters;
	/** Whose kernel writes the tables for its own devices, such as "the guest"; undefined where FreeBSD's vmm does. */
	writer?: string;
	/** How it is looked at, and what cannot be known: a sentence each. */
	notes?: readonly string[];
	/** What a Linux host shows of itself. */
	host?: HostFacts;
	/** Faults of its kernel's log. */
	logged?: Logged;
	/** What its kernel maps and unmaps, where that was asked for. */
	trace?: Trace;
	/** Where the machine cannot be looked at any more: why, and when what is shown was seen. */
	lost?: {why: string; seen: string};
};

/** A page of a domain that the IOTLB holds. */
export type CachedPage = {domain: number; iova: number; hpa: number; read: boolean; write: boolean};
/** A function's context entry or device table entry as the unit remembers it, and what it leads to. */
export type CachedEntry = {
	to: 'memory' | 'tables' | 'nothing';
	domain: number;
	root: number;
	levels: number;
	read: boolean;
	write: boolean;
};
/** What the caches hold for a function and an address; `agrees`: the tables in memory still say the same. */
export type Cached = {
	entry?: CachedEntry & {agrees: boolean};
	page?: CachedPage & {agrees: boolean};
};

/** What the lab can do beyond being looked at. */
export interface LabControls {
	/** Checks a command from a form. @throws UserError that says which field is wrong */
	check(command: Comparable): void;
	/** @throws UserError if the command makes no sense at this moment; nothing has happened then */
	dispatch(command: Command): Outcome;
	/** The bytes of guest memory, and of the guest's disk, as they are now; shorter where there are fewer. */
	guestBytes(vm: string, gpa: number, length: number): Uint8Array;
	/** @throws the system's error where the disk cannot be read */
	diskBytes(vm: string, lba: number, length: number): Uint8Array;
	/** What the unit would answer from its caches, without a look at the tables. Asking changes nothing. */
	cached(rid: Rid, iova: number): Cached;
	/** All that the IOTLB holds. */
	cachedPages(): readonly CachedPage[];
	/** The machine's parts as they are now: what `start` changes. */
	readonly spec: MachineSpec;
	readonly scenarios: Scenarios;
	/** What was done, where somebody remembers it. */
	readonly history?: History;
	readonly workload: Workload;
	/**
	 * The same under each policy, on machines like this one, which stays as it is: one after the other, each run when it
	 * is asked for. @throws UserError, at the first at the latest
	 */
	compare(command: Comparable): Iterable<Comparison>;
	/** Where the guests' buffer lies unless another address is asked for. */
	readonly defaultGpa: number;
}

/** What there is to see: the lab; tables of a machine that runs elsewhere; or what a host's kernel says of itself. */
export type MachineKind = 'lab' | 'tables' | 'host';

export interface ObservedMachine {
	readonly kind: MachineKind;
	readonly memory: PhysicalReader;
	state(): MachineState;
	readonly lab?: LabControls;
	/** For a machine that changes by itself: looks at it again and again, and calls back when its state is another. */
	watch?(changed: () => void): void;
	close(): void;
}
