// A VM that really runs, with dmascope as its disk: its memory, its driver and its requests are real. The host around it
// is the lab's: the VM is a guest of the lab's bhyve, whose device model takes the requests, and whose controller and
// IOMMU are between the disk and the VM's own pages.

import {type QueuePlace, VirtQueue} from '../../bhyve/virtio.js';
import {VirtioBlk} from '../../bhyve/virtio-blk.js';
import {NULL} from '../../bhyve/vmmapi.js';
import {viewDomain} from '../../explain/ranges.js';
import {hex, SECTOR} from '../../formats/address.js';
import type {Rid} from '../../formats/pci.js';
import {AVAIL, DESC_BYTES, USED} from '../../formats/virtqueue.js';
import type {Memory} from '../../hardware/memory.js';
import {changeMachine, changeTables, switchPolicy} from '../../lab/build/changes.js';
import {cachedIn, diskBytes, guestBytes} from '../../lab/build/contents.js';
import {Machine, type SharedMemory} from '../../lab/build/machine.js';
import {DEFAULT_MEMORY, defaultSpec, withoutPassthru} from '../../lab/build/spec.js';
import {type DiskInfo, defaultsOf, domainsOf, stateOf} from '../../lab/build/state.js';
import {verdictText} from '../../lab/judge/chain.js';
import {compare} from '../../lab/judge/compare.js';
import {TransferLog} from '../../lab/judge/transfer-log.js';
import {checkCommand} from '../../lab/scenario/verbs.js';
import type {Command, Family, MachineSpec, Policy, TransferCommand} from '../../machine/command.js';
import type {Logged} from '../../machine/fault.js';
import type {LabControls, MachineState, ObservedMachine, RunningGuest} from '../../machine/observed.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Cached, CachedPage, Domain} from '../../machine/tables.js';
import type {Comparable, Comparison} from '../../machine/workload.js';
import {UserError} from '../../user-error.js';
import {grouped} from '../../words.js';
import {KernelLog} from '../kernel-log.js';
import type {Qmp} from '../qemu/qmp.js';
import type {Device, Ring} from '../vhost/back-end.js';
import type {GuestMemory} from '../vhost/guest-memory.js';
import {ConsoleText} from './console-text.js';
import {Ledger} from './ledger.js';
import {QemuIommu} from './own-iommu.js';
import {Pulse} from './pulse.js';
import {DEFAULT_GPA, NO_SCENARIOS, NOTES, specOf, VM} from './surroundings.js';

const NOTHING: SharedMemory = {files: [], regions: []};

export type OwnUnit = {monitor: () => Promise<Qmp | undefined>; disk: string};

export type GuestOptions = {
	disk: DiskInfo;
	policy: Policy;
	iommu: Family;
	/** How the machine is called, such as QEMU. */
	title: string;
	/** Whether commands that write into the running guest are asked for once more. */
	asks: boolean;
	/** Where the VM has an IOMMU of its own: its VMM's monitor, and the disk's id there. */
	own?: OwnUnit;
	/** What the VMM can be told; undefined where it was started by somebody else. */
	control?: RunningGuest;
};

export class LiveGuest implements ObservedMachine, LabControls, Device {
	readonly kind = 'lab';
	readonly lab = this;
	readonly real = true;
	readonly scenarios = NO_SCENARIOS;
	readonly workload: Pulse;
	readonly log: TransferLog;
	readonly console = new ConsoleText();
	/** The same as its kernel's log: faults of its own IOMMU. */
	private readonly kernelLog = new KernelLog('the console');
	greeting = `${VM} is a real VM on a modelled host. p changes the policy, r resets ${VM}, Enter in CONSOLE types into it.`;
	/** Why the VM is gone. */
	private lost: MachineState['lost'];
	private machine: Machine;
	private memoryShared: GuestMemory | undefined;
	private layout: string | undefined;
	private readonly ledger: Ledger;
	private readonly watchers = new Set<() => void>();
	private revision = 1;
	private tables = 1;
	private pages = 0;
	private lastState: MachineState | undefined;
	private ownTables = '';
	/** What cannot be done for the guest. */
	private warning: string | undefined;
	private asked: boolean;
	private readonly own: QemuIommu | undefined;
	/** Has the VMM record an access that the guest's own IOMMU refuses. */
	recordRefusal: (iova: number, write: boolean) => void = () => {};
	/** The ring that the guest's driver has set up. */
	private running: {ring: Ring; interrupt: () => void; queue: VirtQueue} | undefined;

	/** @throws UserError if the machine cannot be built */
	constructor(private readonly options: GuestOptions) {
		const {policy, iommu, asks} = options;
		this.asked = !asks;
		this.machine = new Machine(specOf(policy, iommu, NOTHING), options.disk.disk, NOTHING);
		this.log = new TransferLog(this.machine);
		this.ledger = new Ledger(
			this.log,
			() => this.machine,
			() => this.own?.takeStation(),
		);
		this.workload = new Pulse(
			() => this.ledger.tick(),
			() => this.changed(),
		);
		this.blk.completes = this.ledger.complete;
		const {own} = options;
		this.own =
			own &&
			new QemuIommu(own.monitor, own.disk, {page: gpa => this.guestPage(gpa)}, (iova, write) =>
				this.recordRefusal(iova, write),
			);
	}

	/** Whether the VM has an IOMMU of its own, so that its ring holds IOVAs. */
	get translates(): boolean {
		return this.own !== undefined;
	}

	async prepare(): Promise<void> {
		try {
			await this.own?.refresh();
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
			this.warning = error.message;
		}
	}

	get guest(): RunningGuest | undefined {
		return this.options.control;
	}

	/** Whether a VM has shared its memory. */
	get attached(): boolean {
		return this.memoryShared !== undefined;
	}

	/** Why the device stopped, if the guest's driver broke it. */
	get stopped(): string | undefined {
		return this.blk.stopped;
	}

	// The disk, as the back end has it.

	get features(): number {
		return this.blk.features;
	}

	get config(): Uint8Array {
		const {buffer, byteOffset, byteLength} = this.blk.config;
		return new Uint8Array(buffer, byteOffset, byteLength);
	}

	attach(memory: GuestMemory): void {
		this.memoryShared = memory;
		if (memory.layout === this.layout) this.machine.reattach(memory);
		else this.build(this.machine.policy, this.machine.spec.iommu);
		this.layout = memory.layout;
		this.changed();
	}

	detach(): void {
		this.memoryShared = undefined;
		this.changed();
	}

	start(ring: Ring, interrupt: () => void): void {
		const {ctx} = this.blk;
		const {size, base} = ring;
		ctx.ownIommu = this.own?.enabled ? this.own : undefined;
		const place: QueuePlace = {
			descriptors: ctx.mapGpa(ring.descriptors, size * DESC_BYTES),
			avail: ctx.mapGpa(ring.avail, AVAIL.RING + 2 * size),
			used: ctx.mapGpa(ring.used, USED.RING + 8 * size, true),
		};
		if (Object.values(place).includes(NULL)) {
			this.warning = `The ring of ${VM} is not in its memory.`;
			return;
		}
		const used = ctx.process.u16(place.used + USED.IDX);
		const queue = new VirtQueue(ctx, size, place, {avail: base, used});
		this.running = {ring, interrupt, queue};
		this.blk.attach(queue, interrupt);
	}

	stop(): number {
		const next = this.running?.queue.nextAvail ?? 0;
		this.running = undefined;
		this.blk.attach(undefined, () => {});
		return next;
	}

	kick(): void {
		const before = this.stopped;
		// The guest may have mapped other pages meanwhile.
		this.blk.ctx.process.forget();
		this.ledger.begin();
		try {
			this.blk.kick();
		} finally {
			this.ledger.end();
		}
		if (this.stopped !== before) this.changed();
		this.workload.beat();
	}

	get waiting(): boolean {
		return this.blk.waiting;
	}

	connected(): void {
		this.changed();
	}

	disconnected(_why: string | undefined): void {
		this.changed();
	}

	// The machine, as the dashboard has it.

	get memory(): Memory {
		return this.machine.memory;
	}

	get spec(): MachineSpec {
		return {...this.machine.spec, policy: this.machine.policy};
	}

	get defaultGpa(): number {
		return DEFAULT_GPA;
	}

	state(): MachineState {
		if (this.lastState?.revision === this.revision) return this.lastState;
		const {version} = this.machine.pages;
		if (version !== this.pages) this.tables = this.revision;
		this.pages = version;
		const state = stateOf(this.machine, this.log, this.options.disk, this.revision, this.tables);
		this.lastState = {
			...state,
			title: this.options.title,
			vms: state.vms.map(vm => ({...vm, console: this.console.lines})),
			domains: this.domains(state.domains),
			// The host's faults come first, where there are any.
			logged: state.faults.length === 0 ? this.guestFaults() : undefined,
			notes: this.warning === undefined ? NOTES : [this.warning, ...NOTES],
			lost: this.lost,
		};
		return this.lastState;
	}

	/** The host's, and what the guest's own kernel allows its disk. */
	private domains(before: readonly Domain[]): readonly Domain[] {
		if (!this.attached || !this.own?.enabled) return before;
		const own = this.own.domain(gpa => this.machine.guests[0]?.vm.map.hpa(gpa));
		if (own === undefined) return before;
		const told = JSON.stringify(own.mappings);
		if (told !== this.ownTables) this.tables = this.revision;
		this.ownTables = told;
		return [...before, own];
	}

	/** What its kernel logs of its own IOMMU. The addresses are the guest's: the host's tables say nothing of them. */
	private guestFaults(): Logged | undefined {
		const {logged} = this.kernelLog;
		if (logged.faults.length === 0) return undefined;
		return {...logged, faults: logged.faults.map(({access: _, ...fault}) => fault)};
	}

	private guestPage(gpa: number): Uint32Array | undefined {
		const hpa = this.attached ? this.machine.guests[0]?.vm.map.hpa(gpa) : undefined;
		return hpa === undefined ? undefined : this.machine.memory.page(hpa);
	}

	watch(changed: () => void): void {
		this.watchers.add(changed);
	}

	/** Something is different: whoever watches is told. */
	changed(tables = false): void {
		this.revision++;
		if (tables) this.tables = this.revision;
		for (const watcher of this.watchers) watcher();
	}

	/** Its console has shown something. */
	hear(bytes: Uint8Array): void {
		this.console.push(bytes);
		this.kernelLog.feed(Buffer.from(bytes));
		this.workload.beat();
	}

	/** The VM is gone. */
	lose(why: string, lastSeen: string): void {
		this.lost = {why, lastSeen};
		this.changed();
	}

	check(command: Comparable): void {
		if (command.do === 'work') throw new UserError(`${VM} is a real VM, and does its own work.`);
		checkCommand(command, defaultsOf(this.machine));
		this.refuse(command);
		if (this.asked) return;
		this.asked = true;
		const bytes = command.do === 'dma' ? command.bytes : command.sectors * SECTOR * (command.requests ?? 1);
		throw new UserError(
			`This overwrites ${grouped(bytes)} bytes of the running ${VM} at ${hex(command.gpa)}; repeat to confirm.`,
		);
	}

	private refuse(command: TransferCommand): void {
		if (!this.attached)
			throw new UserError(`${VM} has not shared its memory yet; wait until it uses its disk.`);
		if (command.do === 'write' || command.do === 'delete') this.machine.needWritable();
	}

	dispatch(command: Command): Outcome {
		const outcome = this.perform(command);
		this.changed(command.do !== 'read' && command.do !== 'write');
		return outcome;
	}

	private perform(command: Command): Outcome {
		const {machine} = this;
		switch (command.do) {
			case 'policy':
				return {kind: 'policy', policy: command.policy, report: switchPolicy(machine, command.policy)};
			case 'boot':
				return this.lifecycle(this.reset());
			case 'read':
			case 'write':
			case 'delete':
			case 'dma': {
				this.refuse(command);
				const transfer = this.log.run(command);
				return {kind: 'transfer', transfer, report: verdictText(transfer)};
			}
			case 'map':
			case 'unmap':
			case 'invalidate':
				return this.lifecycle(changeTables(machine, command).report);
			case 'bind':
			case 'unbind':
			case 'attach':
			case 'detach': {
				const {error, report} = changeMachine(machine, command);
				return {...this.lifecycle(report), error};
			}
			case 'start':
				return this.lifecycle(this.restart(command.machine));
			default:
				throw new UserError(`${VM} is a real VM; ${command.do} needs a modelled guest.`);
		}
	}

	compare(command: Comparable): Iterable<Comparison> {
		const {policy, iommu} = this.spec;
		const {disk} = this.options.disk;
		const model = {...defaultSpec(DEFAULT_MEMORY), policy, iommu};
		const machine = new Machine(iommu === 'none' ? withoutPassthru(model) : model, disk);
		return compare(machine, disk, command, () => performance.now());
	}

	guestBytes(vm: string, gpa: number, length: number): Uint8Array {
		return this.attached ? guestBytes(this.machine, vm, gpa, length) : new Uint8Array(0);
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

	close(): void {
		this.workload.close();
		this.options.disk.disk.close();
	}

	private reset(): string {
		const {control} = this.options;
		if (this.lost !== undefined) throw new UserError(this.lost.why);
		if (control === undefined)
			throw new UserError(`dmascope did not start ${VM}; reset it where it was started.`);
		control.reset();
		return `${VM} reset; its firmware starts again.`;
	}

	/** Another IOMMU between the same disk and the same guest. */
	private restart({iommu, policy}: MachineSpec): string {
		const {running} = this;
		const base = this.stop();
		this.build(policy, iommu);
		if (running !== undefined) this.start({...running.ring, base}, running.interrupt);
		return `The modelled host now has ${iommu}; ${VM} continues under ${policy}.`;
	}

	private lifecycle(report: string): Extract<Outcome, {kind: 'lifecycle'}> {
		const domains = domainsOf(this.machine);
		const host = domains.find(({role}) => role === 'host');
		const owned = this.machine.pages.owned();
		const missing = host ? viewDomain(this.machine.memory, owned, host).removedPages : 0;
		return {kind: 'lifecycle', tables: {domains: domains.length, missing}, report};
	}

	/** The machine put together anew, around the memory that the guest has now. */
	private build(policy: Policy, iommu: Family): void {
		const shared = this.memoryShared ?? NOTHING;
		this.machine = new Machine(specOf(policy, iommu, shared), this.options.disk.disk, shared);
		this.log.follow(this.machine);
		this.blk.completes = this.ledger.complete;
		this.tables = this.revision + 1;
	}

	private get blk(): VirtioBlk {
		const device = this.machine.guests[0]?.device;
		if (!(device instanceof VirtioBlk)) throw new Error('the guest has no virtio-blk');
		return device;
	}
}
