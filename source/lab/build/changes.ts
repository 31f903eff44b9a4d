// Commands that change the machine: what vmm(4), ppt(4) and the PCI bus do to guests and devices, a new policy, and
// table entries edited by hand. A refusal by vmm is an outcome, since it may leave traces.

import {hex, PAGE_SIZE} from '../../formats/address.js';
import {parseRid, type Rid, ridText} from '../../formats/pci.js';
import type {Domain} from '../../kernel/iommu.js';
import {VmmError} from '../../kernel/ppt.js';
import type {GuestSpec, LifecycleCommand, Policy, TableCommand} from '../../machine/command.js';
import type {Refusal} from '../../machine/outcome.js';
import {UserError, within} from '../../user-error.js';
import {grouped, plural} from '../../words.js';
import type {Guest, Machine} from './machine.js';

/** @throws UserError if the command makes no sense on this machine; nothing has changed then */
export function changeMachine(
	machine: Machine,
	command: LifecycleCommand,
): {error?: Refusal; report: string} {
	try {
		return {report: run(machine, command)};
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
		case 'create':
			return create(machine, command);
		case 'destroy':
			machine.destroyGuest(machine.need(command.vm));
			return `${command.vm} destroyed; its pages are free`;
		case 'reinit':
			return reinit(machine, machine.need(command.vm));
		case 'bind':
			return bind(machine, machine.need(command.vm), command.device);
		case 'unbind':
			return unbind(machine, machine.need(command.vm), command.device);
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
				throw new VmmError('EBUSY', `vmm cannot be unloaded while ${machine.vmm.vms[0].name} exists`);
			machine.iommu.cleanup();
			return 'vmm unloaded: no translation, no host domain';
	}
}

function create(machine: Machine, spec: GuestSpec): string {
	const {name, passthru, wired} = spec;
	if (machine.guest(name)) throw new UserError(`Guest ${name} exists; choose another name.`, ['name']);
	passthru.forEach((device, i) => {
		within('passthru', () => within(i, () => ridOf(machine, device)));
	});
	const guest = machine.createGuest(spec);
	for (const device of passthru) bind(machine, guest, device);
	return `${name} created with ${plural(guest.vm.pages, wired ? 'wired page' : 'page')}`;
}

function bind(machine: Machine, {vm}: Guest, device: string): string {
	if (vm.memMaps.some(({wired}) => !wired)) throw new Unwired('passthru requires guest memory to be wired');
	const rid = ridOf(machine, device);
	const leaked = machine.ppt.of(vm).length === 0 ? vm.domain : undefined;
	machine.vmm.bind(vm, rid);
	const report = `${pptNameOf(machine, device)} bound to ${vm.name}, domain ${vm.domain?.id}`;
	return leaked ? `${report}; domain ${leaked.id} leaked (a debug kernel would have panicked)` : report;
}

function unbind(machine: Machine, {vm}: Guest, device: string): string {
	machine.vmm.unbind(vm, ridOf(machine, device));
	const report = `${pptNameOf(machine, device)} unbound from ${vm.name}`;
	return machine.ppt.of(vm).length > 0
		? report
		: `${report}; it was the last, so ${vm.name}'s domain maps nothing now`;
}

function reinit(machine: Machine, guest: Guest): string {
	const {vm} = guest;
	const devices = machine.ppt.of(vm).map(({rid}) => rid);
	machine.vmm.reinit(vm);
	for (const rid of devices) machine.vmm.bind(vm, rid);
	guest.disk.reset();
	const names = machine.ppt.of(vm).map(({name}) => name);
	return `${vm.name} restarted${names.length > 0 ? `; ${names.join(', ')} rebound` : ''}`;
}

function attach(machine: Machine, device: string): string {
	const {rid, name, carries} = machine.functionAt(ridOf(machine, device));
	if (carries !== undefined)
		throw new UserError(`${name} carries ${carries} and stays with the host.`, ['device']);
	if (machine.ppt.devices.some(other => other.rid === rid))
		throw new UserError(`${device} already uses the ppt(4) driver.`, ['device']);
	return `${name} attached as ${machine.ppt.attach(rid).name}: removed from the host domain, in no domain`;
}

function detach(machine: Machine, device: string): string {
	const ppt = machine.ppt.devices.find(({rid}) => rid === ridOf(machine, device));
	if (ppt === undefined) throw new VmmError('ENOENT', `${device} does not use the ppt(4) driver`);
	machine.ppt.detach(ppt);
	return `${ppt.name} detached: ${machine.functionAt(ppt.rid).name} is back in the host domain`;
}

function plug(machine: Machine, name: string, rid: Rid): string {
	const {functions, iommu} = machine;
	if (functions.some(other => other.name === name))
		throw new UserError(`Device ${name} exists; use a new name such as nvme0.`, ['device']);
	if (functions.some(other => other.rid === rid))
		throw new UserError(`There is a function at ${ridText(rid)}; use a free place.`, ['rid']);
	functions.push({rid, name, driver: name.replace(/\d+$/, '')});
	iommu.addToHost(rid);
	return `${name} added at ${ridText(rid)}${iommu.hostDomain ? ', in the host domain' : ''}`;
}

function unplug(machine: Machine, device: string): string {
	const found = machine.functionAt(ridOf(machine, device));
	if (found.carries !== undefined)
		throw new UserError(`${found.name} carries ${found.carries} and stays.`, ['device']);
	const ppt = machine.ppt.devices.find(({rid}) => rid === found.rid);
	if (ppt !== undefined) machine.ppt.detach(ppt);
	machine.iommu.removeFromHost(found.rid);
	machine.functions.splice(machine.functions.indexOf(found), 1);
	return `${device} removed`;
}

/** A selector need not have a function behind it: vmm answers for that. */
const ridOf = (machine: Machine, device: string): Rid => parseRid(device) ?? machine.needRid(device);

const pptNameOf = (machine: Machine, device: string): string =>
	machine.ppt.devices.find(({rid}) => rid === ridOf(machine, device))?.name ?? device;

/** Unbinds each VM's passthru devices under the old policy, and binds them under the new one. */
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
		const done = policy === 'keep' ? 'kept in' : 'removed from';
		return `${names.join(', ')} rebound; ${vm.name}'s ${grouped(vm.pages)} pages ${done} the host domain`;
	});
	return `${policy}: ${effects.join('; ') || 'no passthru device is bound'}`;
}

/**
 * Removes entries from a domain or adds them, with or without the invalidation that must follow: what a kernel with a
 * bug would do. FreeBSD has no such bug.
 * @throws UserError if there is no such domain, or the guest has no memory there
 */
export function changeTables(machine: Machine, command: TableCommand): {report: string} {
	const {iommu, family} = machine;
	if (iommu.hostDomain === undefined)
		throw new UserError('There is no domain yet; bind a passthru device first.');
	if (command.do === 'invalidate') {
		for (const domain of family.driver?.domains ?? []) iommu.ops.invalidateTlb(domain);
		return {report: 'IOTLB emptied'};
	}
	const {gpa, pages, from} = command;
	const {vm} = machine.need(command.vm);
	const domain: Domain | undefined = from === 'host' ? iommu.hostDomain : vm.domain;
	if (domain === undefined)
		throw new UserError(`${vm.name} has no domain; bind a passthru device to it first.`, ['from']);
	if (vm.map.hpa(gpa) === undefined || vm.map.hpa(gpa + pages * PAGE_SIZE - 1) === undefined)
		throw new UserError(`${vm.name} does not have ${plural(pages, 'page')} at ${hex(gpa)}.`, ['gpa']);
	let at = gpa;
	for (const {hpa, bytes} of vm.map.runs(gpa, pages * PAGE_SIZE)) {
		const iova = from === 'host' ? hpa : at;
		if (command.do === 'map') iommu.ops.createMapping(domain, iova, hpa, bytes);
		else iommu.ops.removeMapping(domain, iova, bytes);
		at += bytes;
	}
	if (command.invalidate) iommu.ops.invalidateTlb(domain);
	const done = command.do === 'map' ? 'added to' : 'removed from';
	const stale = command.invalidate ? '' : '; IOTLB not invalidated';
	return {report: `${plural(pages, 'page')} of ${vm.name} ${done} domain ${domain.id}${stale}`};
}
