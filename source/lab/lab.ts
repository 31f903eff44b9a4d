// The lab: commands in, outcomes out, and the machine as the dashboard may look at it.

import {heldAgainstTables} from '../explain/cached.js';
import {viewDomain} from '../explain/ranges.js';
import {PAGE_SIZE, SECTOR} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import {findDisk, LOOKING} from '../guest/boot.js';
import type {Disk} from '../hardware/disk.js';
import type {Memory} from '../hardware/memory.js';
import type {Command, LifecycleCommand, MachineSpec, Outcome, Tables} from '../machine/command.js';
import type {
	Cached,
	CachedPage,
	LabControls,
	MachineState,
	ObservedMachine,
	Transfer,
} from '../machine/observed.js';
import type {Scenarios} from '../machine/scenario.js';
import type {Comparable, Comparison} from '../machine/workload.js';
import {plural, sizeText} from '../words.js';
import {changeTables} from './build/edit-tables.js';
import {live, switchPolicy} from './build/lifecycle.js';
import {type Limits, limitsOf} from './build/limits.js';
import {type Guest, Machine} from './build/machine.js';
import {DEFAULT_MEMORY, defaultSpec} from './build/spec.js';
import {type DiskInfo, domainsOf, stateOf} from './build/state.js';
import {verdictText} from './judge/chain.js';
import {compare} from './judge/compare.js';
import {bootRead, TransferLog} from './judge/transfer-log.js';
import {GuestWork, workText} from './judge/work.js';
import {checkCommand} from './scenario/command.js';
import {LabScenarios} from './scenario/shipped.js';
import {LabHistory} from './time/history.js';
import type {Moment} from './time/marks.js';
import {type LastParts, restore, save} from './time/save.js';
import {LabWorkload} from './workload.js';

const QUIET: ReadonlySet<Command['do']> = new Set(['read', 'write', 'delete', 'work', 'boot']);

export class Lab implements ObservedMachine, LabControls {
	readonly kind = 'lab';
	readonly lab = this;
	/** Read against the usual machine: what was changed of this one is no part of them. */
	readonly scenarios: Scenarios;
	readonly workload = new LabWorkload(this);
	history: LabHistory | undefined;
	private machine: Machine;
	private record: TransferLog;
	private work: GuestWork;
	private readonly diskInfo: DiskInfo;
	private readonly lastParts: LastParts = new WeakMap();
	private revision = 0;
	/** The revision that last changed tables, devices or memory's owners. */
	private tables = 0;
	private looked: MachineState | undefined;

	/** Powers the guests on: each looks for a disk to boot. @throws UserError where the machine cannot be built. */
	constructor(machine: MachineSpec, disk: DiskInfo) {
		this.diskInfo = disk;
		this.scenarios = new LabScenarios(this, {
			base: defaultSpec(DEFAULT_MEMORY),
			override: same => same,
			power: spec => new Lab(spec, {...disk, disk: disk.disk.scratch}),
		});
		this.machine = new Machine(machine, disk.disk);
		this.record = this.powerOn();
		this.work = new GuestWork(this.machine, this.record);
	}

	get memory(): Memory {
		return this.machine.memory;
	}

	get limits(): Limits {
		return limitsOf(this.machine);
	}

	get defaultGpa(): number {
		return this.limits.defaultGpa;
	}

	get spec(): MachineSpec {
		return {...this.machine.spec, policy: this.machine.policy};
	}

	/** Remembers from now on what is done, and the way back, in `most` bytes. `now`: a clock in milliseconds */
	keepHistory(now: () => number, most?: number): LabHistory {
		this.history = new LabHistory(this, now, most);
		return this.history;
	}

	dispatch(command: Command): Outcome {
		return this.history?.add(command) ?? this.perform(command);
	}

	perform(command: Command): Outcome {
		checkCommand(command, this.limits);
		const {pages} = this.machine;
		const before = pages.version;
		const outcome = this.do(command);
		this.revision++;
		// A guest's transfer lands in its own memory; but its bhyve may have touched a buffer for the first time.
		if (!QUIET.has(command.do) || pages.version !== before) this.tables = this.revision;
		return outcome;
	}

	private do(command: Command): Outcome {
		switch (command.do) {
			case 'start':
				return this.start(command.machine);
			case 'policy':
				return {kind: 'policy', policy: command.policy, report: switchPolicy(this.machine, command.policy)};
			case 'boot':
				return this.boot(this.machine.need(command.vm));
			case 'read':
			case 'write':
			case 'delete':
			case 'dma': {
				const transfer = this.record.run(command);
				return {kind: 'transfer', transfer, report: verdictText(transfer)};
			}
			case 'work': {
				const work = this.work.run(command);
				return {kind: 'work', work, report: workText(work)};
			}
			case 'map':
			case 'unmap':
			case 'invalidate':
				return {kind: 'lifecycle', ...changeTables(this.machine, command), tables: this.tablesNow()};
			default:
				return this.live(command);
		}
	}

	state(): MachineState {
		if (this.looked?.revision !== this.revision)
			this.looked = stateOf(this.machine, this.record, this.diskInfo, this.revision, this.tables);
		return this.looked;
	}

	compare(command: Comparable): Iterable<Comparison> {
		this.history?.needSettledDisk();
		checkCommand(command, this.limits);
		return compare(this.machine, this.disk, command, () => performance.now());
	}

	guestBytes(vm: string, gpa: number, length: number): Uint8Array {
		const map = this.machine.guest(vm)?.vm.map;
		if (map === undefined) return new Uint8Array(0);
		let there = 0;
		while (there < length && map.hpa(gpa + there) !== undefined)
			there += Math.min(PAGE_SIZE - ((gpa + there) % PAGE_SIZE), length - there);
		return map.read(gpa, there);
	}

	diskBytes(vm: string, lba: number, length: number): Uint8Array {
		const guest = this.machine.guest(vm);
		return guest ? this.machine.disks.peek(guest.spec.disk)(lba * SECTOR, length) : new Uint8Array(0);
	}

	cached(rid: Rid, iova: number): Cached {
		const {caches} = this.machine.family;
		if (caches === undefined) return {};
		const page = (domain: number) => caches.iotlb.peek(domain, iova);
		return heldAgainstTables(this.memory, this.state().unit, rid, caches.entry(rid), page);
	}

	cachedPages(): readonly CachedPage[] {
		return this.machine.family.caches?.iotlb.entries() ?? [];
	}

	get disk(): Disk {
		return this.diskInfo.disk;
	}

	/** This moment, but for the bytes of memory and of the disk. */
	save(): Moment {
		const {machine, record, work, disk} = this;
		const {memory} = machine;
		const parts = save([machine, record, work], memory, [disk, disk.buffered, machine.spec], this.lastParts);
		return {
			restore: () => {
				for (const part of parts) restore(part);
				this.machine = machine;
				this.record = record;
				this.work = work;
				this.tables = ++this.revision;
			},
			...{parts, memory, tableBytes: machine.tableBytes, transfers: record.transfers},
		};
	}

	close(): void {
		this.disk.close();
	}

	private start(machine: MachineSpec): Outcome {
		const next = new Machine(machine, this.disk);
		this.machine = next;
		this.record = this.powerOn();
		this.work = new GuestWork(this.machine, this.record);
		const {iommu, policy} = machine;
		return {
			kind: 'lifecycle',
			tables: this.tablesNow(),
			report: `A new machine: IOMMU ${iommu}, policy ${policy}`,
		};
	}

	private powerOn(): TransferLog {
		this.record = new TransferLog(this.machine);
		for (const guest of this.machine.guests) this.boot(guest);
		return this.record;
	}

	private live(command: LifecycleCommand): Outcome {
		const machine = this.machine;
		const {error, report} = live(machine, command);
		if (command.do === 'create' || command.do === 'reinit') {
			const guest = machine.guest('vm' in command ? command.vm : command.name);
			if (guest) this.boot(guest);
		}
		return {kind: 'lifecycle', error, tables: this.tablesNow(), report};
	}

	private boot(guest: Guest): Outcome {
		const vm = guest.vm.name;
		guest.disk.reset();
		const transfers: Transfer[] = [];
		const {bootable, partitions, lines} = findDisk((lba, sectors) => {
			const command = bootRead(vm, lba, sectors);
			const transfer = this.record.run(command);
			transfers.push(transfer);
			return transfer.data === 'failed' ? undefined : guest.vm.map.read(command.gpa, sectors * SECTOR);
		}, guest.disk.sectors);
		const start = `${LOOKING}: ${guest.spec.model}, ${sizeText(guest.disk.sectors * SECTOR)}`;
		guest.console.push(start, ...lines);
		const names = partitions.map(({name, type}) => name || type).join(', ');
		const report = bootable
			? `found ${plural(partitions.length, 'partition')}: ${names}`
			: `found ${lines.toReversed().join('; ')}`;
		return {kind: 'boot', bootable, found: lines, transfers, report: `${vm} ${report}`};
	}

	private tablesNow(): Tables {
		const domains = domainsOf(this.machine);
		const host = domains.find(({role}) => role === 'host');
		const missing = host ? viewDomain(this.memory, this.machine.pages.owned(), host).removedPages : 0;
		return {domains: domains.length, missing};
	}
}
