// Entries taken out of a domain or put back by hand, with or without the invalidation that must follow: what a kernel
// would do that forgot it. No FreeBSD does.

import {hex, PAGE_SIZE} from '../../formats/address.js';
import type {Domain} from '../../kernel/iommu.js';
import type {TableCommand} from '../../machine/command.js';
import {UserError} from '../../user-error.js';
import {plural} from '../../words.js';
import type {Machine} from './machine.js';

/** @throws UserError where there is no such domain, or the guest has no memory there. */
export function changeTables(machine: Machine, command: TableCommand): {report: string} {
	const {iommu, family} = machine;
	if (iommu.hostDomain === undefined)
		throw new UserError('There is no domain: no passthru device has been bound yet.');
	if (command.do === 'invalidate') {
		for (const domain of family.driver?.domains ?? []) iommu.ops.invalidateTlb(domain);
		return {report: 'The IOTLB is empty'};
	}
	const {gpa, pages, from} = command;
	const {vm} = machine.need(command.vm);
	const domain: Domain | undefined = from === 'host' ? iommu.hostDomain : vm.domain;
	if (domain === undefined)
		throw new UserError(`${vm.name} has no domain of its own: no passthru device is bound to it.`, ['from']);
	if (vm.map.hpa(gpa) === undefined || vm.map.hpa(gpa + pages * PAGE_SIZE - 1) === undefined)
		throw new UserError(`gpa ${hex(gpa)} is not ${plural(pages, 'page')} of ${vm.name}'s memory.`, ['gpa']);
	let at = gpa;
	for (const {hpa, bytes} of vm.map.runs(gpa, pages * PAGE_SIZE)) {
		const iova = from === 'host' ? hpa : at;
		if (command.do === 'map') iommu.ops.createMapping(domain, iova, hpa, bytes);
		else iommu.ops.removeMapping(domain, iova, bytes);
		at += bytes;
	}
	if (command.invalidate) iommu.ops.invalidateTlb(domain);
	const verb = command.do === 'map' ? 'put into' : 'taken out of';
	const forgot = command.invalidate ? '' : ', and nothing invalidated';
	return {report: `${plural(pages, 'page')} of ${vm.name} ${verb} domain ${domain.id}${forgot}`};
}
