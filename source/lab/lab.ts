// The lab: commands in, outcomes out, and the host as the dashboard observes it.

import type {Rid} from '../formats/pci.js';
import type {Disk} from '../hardware/disk.js';
import type {Memory} from '../hardware/memory.js';
import type {Command, MachineSpec} from '../machine/command.js';
import type {LabControls, MachineState, ObservedMachine} from '../machine/observed.js';
import type {Outcome} from '../machine/outcome.js';
import type {Scenarios} from '../machine/scenario.js';
import type {Cached, CachedPage} from '../machine/tables.js';
import type {Comparable, Comparison} from '../machine/workload.js';
import {BhyveHost, refuseTransfer} from './bhyve-host.js';
import {cachedIn, diskBytes, guestBytes} from './build/contents.js';
import type {Machine} from './build/machine.js';
import {DEFAULT_MEMORY, defaultSpec} from './build/spec.js';
import {type Defaults, type DiskInfo, defaultsOf, stateOf} from './build/state.js';
import {compare} from './judge/compare.js';
import {LabScenarios} from './scenario/parse.js';
import {checkCommand} from './scenario/verbs.js';
import {LabHistory} from './time/history.js';
import type {Moment} from './time/marks.js';
import {type LastParts, restore, save} from './time/save.js';
import {LabWorkload} from './workload.js';

/** Commands that leave tables, devices and the owners of memory alone. */
const QUIET: ReadonlySet<Command['do']> = new Set(['read', 'write', 'delete', 'work', 'boot']);

export class Lab implements ObservedMachine, LabControls {
	readonly kind = 'lab';
	readonly lab = this;
	/** Parsed against the default machine, whatever was changed of this one. */
	readonly scenarios: Scenarios;
	readonly workload = new LabWorkload(this);
	history: LabHistory | undefined;
	private host: BhyveHost;
	private readonly diskInfo: DiskInfo;
	private readonly lastParts: LastParts = new WeakMap();
	private revision = 0;
	/** The revision that last changed tables, devices or the owners of memory. */
	private tables = 0;
	private lastState: MachineState | undefined;

	/** @throws UserError if the machine cannot be built */
	constructor(spec: MachineSpec, disk: DiskInfo) {
		this.diskInfo = disk;
		this.host = new BhyveHost(spec, disk.disk);
		this.scenarios = new LabScenarios(this, {
			base: defaultSpec(DEFAULT_MEMORY),
			override: machine => machine,
			power: machine => new Lab(machine, {...disk, disk: disk.disk.scratch}),
		});
	}

	private get machine(): Machine {
		return this.host.machine;
	}

	get memory(): Memory {
		return this.machine.memory;
	}

	get disk(): Disk {
		return this.diskInfo.disk;
	}

	get defaults(): Defaults {
		return defaultsOf(this.machine);
	}

	get defaultGpa(): number {
		return this.defaults.gpa;
	}

	get guestCount(): number {
		return this.machine.guests.length;
	}

	get spec(): MachineSpec {
		return {...this.machine.spec, policy: this.machine.policy};
	}

	/** Records every command from now on, in at most `most` bytes. `now`: a clock in milliseconds */
	keepHistory(now: () => number, most?: number): LabHistory {
		this.history = new LabHistory(this, now, most);
		return this.history;
	}

	check(command: Comparable): void {
		checkCommand(command, this.defaults);
		refuseTransfer(this.machine, command);
	}

	dispatch(command: Command): Outcome {
		return this.history?.add(command) ?? this.perform(command);
	}

	perform(command: Command): Outcome {
		const {pages} = this.machine;
		const before = pages.version;
		const outcome = command.do === 'start' ? this.start(command.machine) : this.host.perform(command);
		this.revision++;
		// A transfer stays in the guest's memory, but its bhyve may have touched a buffer for the first time.
		if (!QUIET.has(command.do) || pages.version !== before) this.tables = this.revision;
		return outcome;
	}

	private start(spec: MachineSpec): Outcome {
		this.host = new BhyveHost(spec, this.disk);
		const {iommu, policy} = spec;
		const report = `New machine: IOMMU ${iommu}, policy ${policy}`;
		return {kind: 'lifecycle', tables: this.host.tables(), report};
	}

	state(): MachineState {
		if (this.lastState?.revision !== this.revision)
			this.lastState = stateOf(this.machine, this.host.log, this.diskInfo, this.revision, this.tables);
		return this.lastState;
	}

	compare(command: Comparable): Iterable<Comparison> {
		this.history?.needSettledDisk();
		this.check(command);
		return compare(this.machine, this.disk, command, () => performance.now());
	}

	guestBytes(vm: string, gpa: number, length: number): Uint8Array {
		return guestBytes(this.machine, vm, gpa, length);
	}

	diskBytes(vm: string, lba: number, length: number): Uint8Array {
		return diskBytes(this.machine, vm, lba, length);
	}

	cached(rid: Rid, iova: number): Cached {
		return cachedIn(this.machine, this.state().unit, rid, iova);
	}

	cachedPages(): readonly CachedPage[] {
		return this.machine.family.caches?.iotlb.entries() ?? [];
	}

	/** Saves this moment, except the bytes of memory and of the disk. */
	save(): Moment {
		const {host, disk} = this;
		const {machine} = host;
		const {memory} = machine;
		const parts = save([host], memory, [disk, disk.buffered, machine.spec], this.lastParts);
		return {
			restore: () => {
				for (const part of parts) restore(part);
				this.host = host;
				this.tables = ++this.revision;
			},
			...{parts, memory, tableBytes: machine.tableBytes, transfers: host.log.transfers},
		};
	}

	close(): void {
		this.disk.close();
	}
}
