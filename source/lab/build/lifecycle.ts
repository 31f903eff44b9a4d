// The life of guests and passthru devices, as vmm(4), ppt(4) and the PCI bus live it: each step is a command, and a
// refusal is an outcome, since it may leave traces.

import {parseRid, type Rid, ridText} from '../../formats/pci.js';
import {VmmError} from '../../kernel/ppt.js';
import type {LifecycleCommand, Policy} from '../../machine/command.js';
import type {Refusal} from '../../machine/outcome.js';
import {UserError, within} from '../../user-error.js';
import {grouped, plural} from '../../words.js';
import type {Guest, Machine} from './machine.js';

type Lived = {error?: Refusal; report: string};

/** @throws UserError where the command makes no sense on this machine; nothing has happened then. */
export function live(machine: Machine, command: LifecycleCommand): Lived {
	try {
		const work = () => run(machine, command);
		return {report: 'device' in command ? within('device', work) : work()};
	} catch (error) {
		if (error instanceof Unwired) return {error: 'unwired', report: error.message};
		if (error instanceof VmmError) return {error: error.errno, report: `${error.errno}: ${error.message}`};
		throw error;
	}
}

/** bhyve's own refusal (pci_passthru.c): the device could DMA to pages that have moved. */
class Unwired extends Error {}

function run(machine: Machine, command: LifecycleCommand): string {
	switch (command.do) {
		case 'create': {
			const {vm} = machine.createGuest(command);
			for (const device of command.passthru) bind(machine, machine.need(command.name), device);
			return `${vm.name} has ${plural(vm.pages, 'page')}${command.wired ? ', wired' : ''}`;
		}
		case 'destroy':
			machine.destroyGuest(machine.need(command.vm));
			return `${command.vm} is gone, and its pages are free`;
		case 'reinit':
			return reinit(machine, machine.need(command.vm));
		case 'bind':
			return bind(machine, machine.need(command.vm), command.device);
		case 'unbind': {
			const {vm} = machine.need(command.vm);
			machine.vmm.unbind(vm, ridOf(machine, command.device));
			const left = machine.ppt.of(vm).length;
			const map = left === 0 ? '; that was its last, so its memory is unmapped' : '';
			return `${nameOf(machine, command.device)} leaves ${vm.name}${map}`;
		}
		case 'attach':
			return attach(machine, command.device);
		case 'detach':
			return detach(machine, command.device);
		case 'plug':
			return plug(machine, command.device, parseRid(command.rid) ?? 0);
		case 'unplug':
			return unplug(machine, command.device);
		case 'unload':
			if (machine.vmm.vms.length > 0)
				throw new VmmError('EBUSY', `vmm cannot be unloaded while ${machine.vmm.vms[0].name} is there`);
			machine.iommu.cleanup();
			return 'vmm is unloaded: no translation, no host domain';
	}
}

function bind(machine: Machine, {vm}: Guest, device: string): string {
	if (vm.memMaps.some(({wired}) => !wired)) throw new Unwired('passthru requires guest memory to be wired');
	const rid = ridOf(machine, device);
	const leaked = machine.ppt.of(vm).length === 0 ? vm.domain : undefined;
	machine.vmm.bind(vm, rid);
	const report = `${nameOf(machine, device)} is ${vm.name}'s, in domain ${vm.domain?.id}`;
	return leaked ? `${report}; domain ${leaked.id} is leaked (a debug kernel would have panicked)` : report;
}

function reinit(machine: Machine, guest: Guest): string {
	const {vm} = guest;
	const devices = machine.ppt.of(vm).map(({rid}) => rid);
	machine.vmm.reinit(vm);
	for (const rid of devices) machine.vmm.bind(vm, rid);
	guest.disk.reset();
	const names = machine.ppt.of(vm).map(({name}) => name);
	return `${vm.name} starts again${names.length > 0 ? `, ${names.join(', ')} bound again` : ''}`;
}

function attach(machine: Machine, device: string): string {
	const {rid, name, carries} = machine.functionAt(ridOf(machine, device));
	if (carries !== undefined) throw new UserError(`${name} carries ${carries}, so it stays with the host.`);
	if (machine.ppt.devices.some(other => other.rid === rid))
		throw new UserError(`${device} is using the ppt(4) driver already.`);
	return `${name} is ${machine.ppt.attach(rid).name} now: out of the host domain, and in none`;
}

function detach(machine: Machine, device: string): string {
	const ppt = machine.ppt.devices.find(({rid}) => rid === ridOf(machine, device));
	if (ppt === undefined) throw new VmmError('ENOENT', `${device} is not using the ppt(4) driver`);
	machine.ppt.detach(ppt);
	return `${ppt.name} is ${machine.functionAt(ppt.rid).name} again, in the host domain`;
}

function plug(machine: Machine, name: string, rid: Rid): string {
	if (machine.functions.some(other => other.rid === rid || other.name === name))
		throw new UserError(`There is a function ${name} or ${ridText(rid)} already.`);
	machine.functions.push({rid, name, driver: name.replace(/\d+$/, '')});
	machine.iommu.addToHost(rid);
	return `${name} at ${ridText(rid)} is new${machine.iommu.hostDomain ? ', in the host domain' : ''}`;
}

function unplug(machine: Machine, device: string): string {
	const found = machine.functionAt(ridOf(machine, device));
	if (found.carries !== undefined)
		throw new UserError(`${found.name} carries ${found.carries}, so it stays.`);
	const ppt = machine.ppt.devices.find(({rid}) => rid === found.rid);
	if (ppt !== undefined) machine.ppt.detach(ppt);
	machine.iommu.removeFromHost(found.rid);
	machine.functions.splice(machine.functions.indexOf(found), 1);
	return `${device} is gone`;
}

/** The requester id of a function by its name, or of any selector: whether something is there, vmm will say. */
function ridOf(machine: Machine, device: string): Rid {
	const rid = parseRid(device) ?? machine.ridNamed(device);
	if (rid === undefined) throw new UserError(`There is no function ${device}.`);
	return rid;
}

const nameOf = (machine: Machine, device: string): string =>
	machine.ppt.devices.find(({rid}) => rid === ridOf(machine, device))?.name ?? device;

/** Each VM's passthru devices leave under the old policy and are bound again under the new one. */
export function switchPolicy(machine: Machine, policy: Policy): string {
	const {vmm, ppt} = machine;
	const bound = vmm.vms
		.map(vm => ({vm, rids: ppt.of(vm).map(({rid}) => rid)}))
		.filter(({rids}) => rids.length > 0);
	for (const {vm} of bound) vmm.reinit(vm);
	machine.setPolicy(policy);
	for (const {vm, rids} of bound) for (const rid of rids) vmm.bind(vm, rid);
	const effects = bound.map(({vm}) => {
		const names = ppt.of(vm).map(({name}) => name);
		const where = policy === 'keep' ? 'are in the host domain' : 'leave the host domain';
		return `${names.join(', ')} bound again to ${vm.name}, whose ${grouped(vm.pages)} pages ${where}`;
	});
	return `${policy}: ${effects.join('; ') || 'no passthru device is bound'}`;
}
