// Warnings about devices: those in no domain, and passthru devices that reach more than their VM's memory.

import {hex} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import type {Device, MachineState, PhysicalReader} from '../machine/observed.js';
import {plural} from '../words.js';
import type {Finding} from './diagnosis.js';
import {mappingsOf} from './mappings.js';
import {type DomainView, type Range, rangesOf} from './ranges.js';
import {domainAt, startOf} from './walk.js';
import type {Start, StartTables} from './walk-steps.js';
import {domainWords} from './why.js';

/** Of a machine whose IOMMU is on: before that no device is translated, and there is nothing to say. */
export function deviceFindings(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
): Finding[] {
	const {unit, devices} = state;
	if (unit === undefined || !unit.enabled) return [];
	return devices.flatMap(device => {
		const start = startOf(memory, unit, device.rid);
		if (start.to === 'fault')
			return [
				state.writer === undefined ? noDomain(device, start.why) : outside(device, start.why, state.writer),
			];
		if (device.driver !== 'ppt') return [];
		const finding =
			start.to === 'memory' ? allMemory(device, start) : strangeMemory(memory, state, views, device, start);
		return finding === undefined ? [] : [finding];
	});
}

const named = ({name, rid}: Device): string => `${name} (${ridText(rid)})`;

/** A bridge, or a function that no driver uses: that is how it should be, unless somebody misses its DMA. */
const outside = (device: Device, why: string, writer: string): Finding => ({
	id: `no-domain:${ridText(device.rid)}`,
	severity: 'note',
	title: `${named(device)} is in no domain`,
	cause: `${why}. All that it reads or writes by DMA is refused.`,
	cure: `That is as it should be where nobody in ${writer} uses it. If somebody does, look in the kernel log there for what its IOMMU driver said of it.`,
	about: [device.name],
});

function noDomain(device: Device, why: string): Finding {
	const {name, driver, vm} = device;
	// That is how vmm keeps a ppt device that waits for a VM.
	if (driver === 'ppt' && vm === undefined)
		return {
			id: `no-domain:${name}`,
			severity: 'note',
			title: `${named(device)} is in no domain`,
			cause: `${why}. No VM has this ppt device, so all of its DMA is refused: that is safe, and it is of no use to anybody.`,
			cure: `Give it to a VM (bhyve -s SLOT,passthru,${ridText(device.rid).replaceAll(':', '/')}), or back to the host (devctl set driver).`,
			about: [name],
		};
	return {
		id: `no-domain:${name}`,
		severity: 'error',
		title: `${named(device)} is in no domain`,
		cause: `${why}. All that it reads or writes by DMA is refused${vm ? `, though it is ${vm}’s` : ''}: it looks broken to its driver, and nothing says why.`,
		cure: vm
			? `Shut ${vm} down and start it again, which binds the device anew.`
			: 'vmm puts functions into the host domain as that is made, and as they are plugged in: unplug and rescan it (devctl rescan), or load vmm anew.',
		about: [name],
	};
}

const RESET =
	'Reset the device (devctl reset) before that memory is used by others; bound to a VM, it gets that VM’s tables.';

/** AMD-Vi translates nothing for a function whose entry it was never told of. */
function allMemory(device: Device, {read, write, why}: Extract<Start, {to: 'memory'}>): Finding | undefined {
	if (!read && !write) return undefined;
	const whose = device.vm === undefined ? 'No VM has it' : `${device.vm} has it`;
	return {
		id: `reaches-all:${device.name}`,
		severity: 'error',
		title: `${named(device)} can ${write ? 'write to' : 'read'} all memory`,
		cause: `${why}. ${whose}: whatever it was last told to do reaches the host’s memory and that of every guest.`,
		cure: 'Reset it (devctl reset), which ends what it was told to do; then give it to a VM, or back to the host (devctl set driver).',
		about: [device.name],
	};
}

/** Where a device may write that is not its VM's: the host's domain, another's, or tables that nobody owns any more. */
function strangeMemory(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
	device: Device,
	start: StartTables,
): Finding | undefined {
	const {name, vm} = device;
	const domain = domainAt(state, {to: 'tables', ...start});
	const view = views.find(each => each.domain === domain);
	const tables = {format: state.unit?.format ?? 'vt-d', root: start.root, levels: start.levels};
	const ranges: readonly Range[] = view?.ranges ?? rangesOf(mappingsOf(memory, tables), state.owned);
	const strange = start.write ? ranges.filter(({write, owner}) => write && owner !== vm) : [];
	const pages = strange.reduce((sum, range) => sum + range.pages, 0);
	if (pages === 0 && (vm !== undefined || domain !== undefined)) return undefined;
	const where =
		domain === undefined
			? `still points to tables at ${hex(start.root)}, whose domain is gone: they are whatever that page holds next`
			: domain.role === 'host'
				? `is in ${domainWords(domain)}: DMA that a guest has set up happens at the same addresses of the host`
				: `still points to ${domainWords(domain)}`;
	const reached =
		pages === 0
			? 'They map nothing now.'
			: `It can write to ${plural(pages, 'page')} of ${ownersOf(strange)}.`;
	return {
		id: `reaches-others:${name}`,
		severity: pages === 0 ? 'warning' : 'error',
		title: `${named(device)} ${pages === 0 ? 'may come to write' : 'can write'} to memory that is not ${vm === undefined ? 'its own' : `${vm}’s`}`,
		cause: `${vm === undefined ? 'No VM has this ppt device. ' : ''}Its entry ${where}. ${reached}`,
		cure:
			domain?.role === 'host'
				? 'Use a vmm with D12661, which leaves the passthru device of a VM that is gone in no domain. Until then reset the device when its VM ends.'
				: RESET,
		about: [name, ...strange.slice(0, 8).map(({hpa}) => hpa)],
	};
}

function ownersOf(ranges: readonly Range[]): string {
	const owners = [...new Set(ranges.map(({owner}) => owner))];
	const more = owners.length > 3 ? ` and ${owners.length - 3} more` : '';
	return `${owners.slice(0, 3).join(', ')}${more}`;
}
