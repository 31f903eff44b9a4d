// Problems with devices: those in no domain, and passthru devices that reach more than their VM's memory.

import {hex} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import type {Finding} from '../machine/finding.js';
import type {Device, MachineState} from '../machine/observed.js';
import type {PhysicalReader} from '../machine/tables.js';
import {plural} from '../words.js';
import {mappingsOf} from './mappings.js';
import {deviceWords, domainWords} from './names.js';
import {type DomainView, type Range, rangesOf} from './ranges.js';
import {domainOf, startOf} from './walk.js';
import type {Start, StartTables} from './walk-steps.js';

/** None before the IOMMU is on: no device is translated then. */
export function deviceFindings(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
): Finding[] {
	const {unit, devices, writer} = state;
	if (unit === undefined || !unit.enabled) return [];
	return devices.flatMap(device => {
		const start = startOf(memory, unit, device.rid);
		if (start.to === 'fault')
			return [writer === undefined ? noDomain(device, start.why) : unused(device, start.why, writer)];
		if (device.driver !== 'ppt') return [];
		const finding =
			start.to === 'memory' ? allMemory(device, start) : foreignMemory(memory, state, views, device, start);
		return finding === undefined ? [] : [finding];
	});
}

const titleName = (device: Device): string => deviceWords(device, device.rid);

/** Normal for a bridge, or for a function without a driver. */
const unused = (device: Device, why: string, writer: string): Finding => ({
	id: `no-domain:${ridText(device.rid)}`,
	severity: 'note',
	title: `${titleName(device)} is in no domain`,
	cause: `${why}. All its DMA is refused.`,
	cure: `This is normal if ${writer} does not use the device. Otherwise look in the kernel log of ${writer} for messages of its IOMMU driver.`,
	about: [device.name],
});

function noDomain(device: Device, why: string): Finding {
	const {name, driver, vm} = device;
	// vmm keeps a ppt device in this state until a VM takes it.
	if (driver === 'ppt' && vm === undefined)
		return {
			id: `no-domain:${name}`,
			severity: 'note',
			title: `${titleName(device)} is in no domain`,
			cause: `${why}. No VM has this ppt device, so all its DMA is refused: it is safe, and unused.`,
			cure: `Assign it to a VM (bhyve -s SLOT,passthru,${ridText(device.rid).replaceAll(':', '/')}), or return it to the host (devctl set driver).`,
			about: [name],
		};
	return {
		id: `no-domain:${name}`,
		severity: 'error',
		title: `${titleName(device)} is in no domain`,
		cause: `${why}. All its DMA is refused${vm ? `, although ${vm} has it` : ''}. To its driver it looks broken, and nothing reports why.`,
		cure: vm
			? `Shut ${vm} down and start it again, which binds the device again.`
			: 'vmm adds functions to the host domain when it creates that domain, and when they are plugged in. Unplug the device and rescan (devctl rescan), or reload vmm.',
		about: [name],
	};
}

/** AMD-Vi does not translate for a function whose device table entry was never written. */
function allMemory(device: Device, {read, write, why}: Extract<Start, {to: 'memory'}>): Finding | undefined {
	if (!read && !write) return undefined;
	const vm = device.vm === undefined ? 'No VM has it' : `${device.vm} has it`;
	return {
		id: `reaches-all:${device.name}`,
		severity: 'error',
		title: `${titleName(device)} can ${write ? 'write to' : 'read'} all memory`,
		cause: `${why}. ${vm}, and its DMA reaches the memory of the host and of every guest.`,
		cure: 'Reset it (devctl reset), which stops its DMA. Then assign it to a VM, or return it to the host (devctl set driver).',
		about: [device.name],
	};
}

/** A device that can write outside its VM's memory: in the host's domain, another guest's, or a deleted one. */
function foreignMemory(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
	device: Device,
	start: StartTables,
): Finding | undefined {
	const {name, vm} = device;
	const domain = domainOf(state, {to: 'tables', ...start});
	const view = views.find(each => each.domain === domain);
	const tables = {format: start.format, root: start.root, levels: start.levels};
	const ranges: readonly Range[] = view?.ranges ?? rangesOf(mappingsOf(memory, tables), state.owned);
	const foreign = start.write ? ranges.filter(({write, owner}) => write && owner !== vm) : [];
	const pages = foreign.reduce((sum, range) => sum + range.pages, 0);
	if (pages === 0 && (vm !== undefined || domain !== undefined)) return undefined;
	const entry =
		domain === undefined
			? `Its entry still points to the table at ${hex(start.root)} of a deleted domain, and that page may come to hold anything`
			: domain.role === 'host'
				? `Its entry puts it in ${domainWords(domain)}: DMA that a guest set up goes to the same addresses of the host`
				: `Its entry still points to ${domainWords(domain)}`;
	const reached =
		pages === 0
			? 'It maps nothing now.'
			: `It can write to ${plural(pages, 'page')} of ${ownersOf(foreign)}.`;
	const memoryName = vm === undefined ? 'its own' : `${vm}’s`;
	return {
		id: `reaches-others:${name}`,
		severity: pages === 0 ? 'warning' : 'error',
		title: `${titleName(device)} ${pages === 0 ? 'may come to write' : 'can write'} to memory that is not ${memoryName}`,
		cause: `${vm === undefined ? 'No VM has this ppt device. ' : ''}${entry}. ${reached}`,
		cure:
			domain?.role === 'host'
				? 'Use a vmm with D12661, which takes a passthru device out of all domains when its VM ends. Until then reset the device when its VM ends.'
				: 'Reset the device (devctl reset) before others use that memory. Bound to a VM, it gets that VM’s tables.',
		about: [name, ...foreign.slice(0, 8).map(({hpa}) => hpa)],
	};
}

function ownersOf(ranges: readonly Range[]): string {
	const owners = [...new Set(ranges.map(({owner}) => owner))];
	const more = owners.length > 3 ? ` and ${owners.length - 3} more` : '';
	return `${owners.slice(0, 3).join(', ')}${more}`;
}
