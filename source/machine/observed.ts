// The contract: an observed machine, as far as the dashboard knows it. The lab is one and adds commands; others are
// read-only. Everything is plain data, except the reader of physical memory.

import type {Rid} from '../formats/pci.js';
import type {Counters} from '../hardware/dma.js';
import type {Owned} from '../kernel/vm-page.js';
import type {Command, Family, MachineSpec, Model, Policy} from './command.js';
import type {Fault, FaultLog, Logged} from './fault.js';
import type {History} from './history.js';
import type {HostFacts, Preflight} from './host.js';
import type {Outcome} from './outcome.js';
import type {Scenarios} from './scenario.js';
import type {Cached, CachedPage, Domain, PhysicalReader, Unit} from './tables.js';
import type {Trace} from './trace.js';
import type {Data, Transfer} from './transfer.js';
import type {Comparable, Comparison, Workload} from './workload.js';

export type {Counters, Owned};

export type Device = {
	rid: Rid;
	name: string;
	driver: string;
	/** Undefined if it is in no domain: then its DMA is either all refused or all untranslated. */
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
	/** The path in bhyve's arguments. */
	disk: string;
	console: readonly string[];
	/** Why its bhyve process has ended, while the VM still exists. */
	exited?: string;
};
export type Disk = {
	name: string;
	path: string;
	sectors: number;
	direct: boolean;
	writable: boolean;
	sample: boolean;
};

export type MachineState = {
	/** Rises with every change: equal revisions are equal states, tables included. */
	revision: number;
	/** Rises when tables, devices or memory may have changed. */
	tables: number;
	title: string;
	iommu: Family;
	policy?: Policy;
	/** Undefined if the machine has no IOMMU. */
	unit?: Unit;
	domains: readonly Domain[];
	devices: readonly Device[];
	vms: readonly Vm[];
	owned: readonly Owned[];
	disk?: Disk;
	/** The latest transfers; `tally` counts all of them by verdict. */
	transfers: readonly Transfer[];
	tally: Readonly<Record<Data, number>>;
	faults: readonly Fault[];
	faultLog: FaultLog;
	/** The model's translation caches; FreeBSD shows no counters. */
	counters?: Counters;
	/** Whose kernel writes the tables for its own devices, such as "the guest"; undefined for FreeBSD's vmm. */
	writer?: string;
	/** How the machine is read, and what cannot be known, one sentence each. */
	notes?: readonly string[];
	/** The facts about a Linux host. */
	host?: HostFacts;
	/** The faults in its kernel's log. */
	logged?: Logged;
	/** What its kernel maps and unmaps, if traced. */
	trace?: Trace;
	/** Set when the machine can no longer be read: why, and the time of the last state. */
	lost?: {why: string; lastSeen: string};
};

/** A guest that really runs, and the VMM that it runs in. */
export interface RunningGuest {
	readonly paused: boolean;
	/** Types into its console. */
	type(bytes: string): void;
	reset(): void;
	pause(paused: boolean): void;
}

/** The lab's abilities. */
export interface LabControls {
	/** Checks a command from a form. @throws UserError that says which field is wrong */
	check(command: Comparable): void;
	/** @throws UserError if the command makes no sense at this moment; nothing has happened then */
	dispatch(command: Command): Outcome;
	/** The current bytes of guest memory and of the guest's disk; fewer at their ends. */
	guestBytes(vm: string, gpa: number, length: number): Uint8Array;
	/** @throws the system's error where the disk cannot be read */
	diskBytes(vm: string, lba: number, length: number): Uint8Array;
	/** What the caches hold, without a walk of the tables. This changes nothing. */
	cached(rid: Rid, iova: number): Cached;
	/** The whole IOTLB. */
	cachedPages(): readonly CachedPage[];
	/** The machine's parts now, as `start` takes them. */
	readonly spec: MachineSpec;
	readonly scenarios: Scenarios;
	/** The session's steps, if they are recorded. */
	readonly history?: History;
	readonly workload: Workload;
	/** Whether the guest really runs, and does what it does by itself. */
	readonly real?: boolean;
	/** What the VMM of a real guest can be told. */
	readonly guest?: RunningGuest;
	/**
	 * Runs the command under each policy in turn, lazily, on machines like this one, which does not change.
	 * @throws UserError, no later than with the first
	 */
	compare(command: Comparable): Iterable<Comparison>;
	/** The guests' default buffer address. */
	readonly defaultGpa: number;
}

/** The lab; a running machine whose tables are read; or a host whose kernel reports on itself. */
export type MachineKind = 'lab' | 'tables' | 'host';

export interface ObservedMachine {
	readonly kind: MachineKind;
	readonly memory: PhysicalReader;
	state(): MachineState;
	readonly lab?: LabControls;
	/** The first message of the dashboard. */
	readonly greeting?: string;
	/** A host's: whether a function can be given to a VM, by its address; undefined if there is no such function. */
	preflight?(device: string): Preflight | undefined;
	/** Reads a live machine again and again, and calls back when its state has changed. */
	watch?(changed: () => void): void;
	close(): void;
}
