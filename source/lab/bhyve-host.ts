// A bhyve host that is powered on: its machine, the log of its transfers, and the work of its guests. Commands in,
// outcomes out. Commands were checked where they entered; only what depends on this moment is refused here.

import {viewDomain} from '../explain/ranges.js';
import {SECTOR} from '../formats/address.js';
import {findDisk, LOOKING} from '../guest/boot.js';
import type {Disk} from '../hardware/disk.js';
import type {Command, LifecycleCommand, MachineSpec} from '../machine/command.js';
import type {Outcome, TableCounts} from '../machine/outcome.js';
import type {Transfer} from '../machine/transfer.js';
import {UserError} from '../user-error.js';
import {plural, sizeText} from '../words.js';
import {changeMachine, changeTables, switchPolicy} from './build/changes.js';
import {type Guest, Machine} from './build/machine.js';
import {domainsOf} from './build/state.js';
import {verdictText} from './judge/chain.js';
import {bootRead, TransferLog} from './judge/transfer-log.js';
import {GuestWork, workText} from './judge/work.js';

export type HostCommand = Exclude<Command, {do: 'start'}>;

export class BhyveHost {
	readonly machine: Machine;
	readonly log: TransferLog;
	readonly work: GuestWork;

	/** Each guest looks for a disk to boot. @throws UserError if the machine cannot be built */
	constructor(spec: MachineSpec, disk: Disk) {
		this.machine = new Machine(spec, disk);
		this.log = new TransferLog(this.machine);
		this.work = new GuestWork(this.machine, this.log);
		for (const guest of this.machine.guests) this.boot(guest);
	}

	/** @throws UserError if the command makes no sense at this moment */
	perform(command: HostCommand): Outcome {
		refuseTransfer(this.machine, command);
		switch (command.do) {
			case 'policy':
				return {kind: 'policy', policy: command.policy, report: switchPolicy(this.machine, command.policy)};
			case 'boot':
				return this.boot(this.machine.need(command.vm));
			case 'read':
			case 'write':
			case 'delete':
			case 'dma': {
				const transfer = this.log.run(command);
				return {kind: 'transfer', transfer, report: verdictText(transfer)};
			}
			case 'work': {
				const work = this.work.run(command);
				return {kind: 'work', work, report: workText(work)};
			}
			case 'map':
			case 'unmap':
			case 'invalidate':
				return {kind: 'lifecycle', ...changeTables(this.machine, command), tables: this.tables()};
			default:
				return this.live(command);
		}
	}

	/** What the domains look like after a change. */
	tables(): TableCounts {
		const {machine} = this;
		const domains = domainsOf(machine);
		const host = domains.find(({role}) => role === 'host');
		const missing = host ? viewDomain(machine.memory, machine.pages.owned(), host).removedPages : 0;
		return {domains: domains.length, missing};
	}

	private live(command: LifecycleCommand): Outcome {
		const {error, report} = changeMachine(this.machine, command);
		if (command.do === 'create' || command.do === 'reinit') {
			const guest = this.machine.guest('vm' in command ? command.vm : command.name);
			if (guest) this.boot(guest);
		}
		return {kind: 'lifecycle', error, tables: this.tables(), report};
	}

	private boot(guest: Guest): Outcome {
		const vm = guest.vm.name;
		guest.disk.reset();
		const transfers: Transfer[] = [];
		const {bootable, partitions, lines} = findDisk((lba, sectors) => {
			const command = bootRead(vm, lba, sectors);
			const transfer = this.log.run(command);
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
}

/** @throws UserError if guests have to write to a read-only disk, or there is no guest to work */
export function refuseTransfer(machine: Machine, command: Command): void {
	if (command.do === 'write' || command.do === 'delete') machine.needWritable();
	if (command.do !== 'work') return;
	if (machine.guests.length === 0) throw new UserError('There is no guest to work; create one.');
	if (command.writes) machine.needWritable(['writes']);
}
