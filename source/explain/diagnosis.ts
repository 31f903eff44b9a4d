// Problems on a machine, present or to come: each with its cause, and its cure on a FreeBSD host. A healthy machine has
// none. The form is that of tokio-console's warnings.

import type {Finding} from '../machine/finding.js';
import type {MachineState, Vm} from '../machine/observed.js';
import type {CachedPage, PhysicalReader} from '../machine/tables.js';
import {partOf, plural} from '../words.js';
import {stalePages} from './cached.js';
import {deviceFindings} from './diagnosis-devices.js';
import {memoryWords} from './names.js';
import {type DomainView, FREE, type Range} from './ranges.js';

const SEVERITIES = ['error', 'warning', 'note'] as const;

/** Worst first. `views` has the machine's domains; `cached`, the IOTLB's pages if they are known. */
export function diagnose(
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
	cached: readonly CachedPage[] = [],
): Finding[] {
	const host = views.find(({domain}) => domain.role === 'host');
	const holes = host?.ranges.filter(({read, write}) => !read && !write) ?? [];
	const found = [
		...missingFindings(state, holes),
		...lossFindings(state),
		...uncheckedFindings(state),
		...deviceFindings(memory, state, views),
		...leakedDomainFindings(state, views),
		...faultLogFindings(state),
		...staleFindings(memory, state, cached),
	];
	return SEVERITIES.flatMap(severity => found.filter(finding => finding.severity === severity));
}

/** Disks whose controller writes into the guest's pages directly: neither files nor zvols. */
const isRaw = ({disk}: Vm): boolean => /^\/dev\/(ada|da|nda|nvd|mmcsd|vtbd)\d/.test(disk);

/** Holes in the host domain: a guest's memory behind a raw disk, and memory that no policy removes. */
function missingFindings(state: MachineState, holes: readonly Range[]): Finding[] {
	const byOwner = new Map<string, Range[]>();
	for (const hole of holes) byOwner.set(hole.owner, [...(byOwner.get(hole.owner) ?? []), hole]);
	return [...byOwner].flatMap(([owner, ranges]) => {
		const pages = plural(
			ranges.reduce((sum, range) => sum + range.pages, 0),
			'page',
		);
		const about = [owner, ...ranges.slice(0, 8).map(({iova}) => iova)];
		const vm = state.vms.find(({name}) => name === owner);
		const findings: Finding[] = [];
		if (vm !== undefined && isRaw(vm) && state.policy !== 'bounce')
			findings.push(behindRawDisk(vm, pages, about));
		if (vm === undefined || vm.passthru.length === 0) findings.push(leftOut(state, owner, pages, about));
		return findings;
	});
}

function behindRawDisk({name, disk, passthru}: Vm, pages: string, about: Finding['about']): Finding {
	const devices = passthru.join(', ');
	const without = devices === '' ? '' : `, or run ${name} without ${devices}`;
	return {
		id: `missing-behind-disk:${name}`,
		severity: 'error',
		title: `The host domain lacks ${name}’s memory, and ${name}’s disk is ${disk}`,
		cause: `The host domain does not map ${pages} of ${name}. The disk controller is in that domain, so data that it reads into those pages is dropped while every layer reports success. The guest then finds the old contents of its buffer: no partition table, no boot loader, failed mounts.`,
		cure: `Use a vmm with D34607, which keeps guest memory in the host domain. Until then give ${name} a file or a zvol as its disk (the CPU copies that data)${without}.`,
		about,
	};
}

function leftOut({vms}: MachineState, owner: string, pages: string, about: Finding['about']): Finding {
	const guest = vms.some(({name}) => name === owner);
	const loss =
		owner === FREE
			? 'Host devices cannot write to these pages for their next owner.'
			: 'Host devices cannot reach them, so I/O into them is lost.';
	return {
		id: `left-out:${owner}`,
		severity: guest ? 'error' : 'warning',
		title: `The host domain lacks ${pages} of ${memoryWords(owner, {vms})}`,
		cause: `vmm removes only the pages of VMs with a passthru device, and ${guest ? `${owner} has none` : 'these pages belong to no VM'}. A failed bind leaves removed pages out, even after its VM is gone. ${loss}`,
		cure: 'Shut the VMs down and reload vmm (kldunload vmm, kldload vmm), which rebuilds the host domain. To avoid this, give a VM only devices that pciconf -l shows as ppt and that no other VM has.',
		about,
	};
}

/** Losses under the current policy; those before a switch are history. */
function lossFindings({transfers, vms, policy}: MachineState): Finding[] {
	return vms.flatMap(({name}): Finding[] => {
		const lost = transfers.filter(
			({vm, data, command, ...transfer}) =>
				vm === name &&
				command.do !== 'dma' &&
				transfer.policy === policy &&
				(data === 'lost' || data === 'torn'),
		);
		const last = lost.at(-1);
		if (last === undefined) return [];
		return [
			{
				id: `lost:${name}`,
				severity: 'error',
				title: `${plural(lost.length, 'transfer')} of ${name} lost, with success reported`,
				cause: `In the latest, #${last.number}, ${partOf(last.landed, last.bytes)} bytes arrived. bhyve and the guest saw success, so the guest continues with the old contents of its buffer.`,
				cure: `Open the walk of #${last.number} to see which entry refused it. Do not trust what ${name} has read or written since: shut it down and check its file systems.`,
				about: last.iova === undefined ? [name] : [name, last.iova],
			},
		];
	});
}

/** The disk fails, so what arrived is unknown. */
function uncheckedFindings({transfers, vms}: MachineState): Finding[] {
	return vms.flatMap(({name, disk}): Finding[] => {
		const unchecked = transfers.filter(({vm, data}) => vm === name && data === 'unchecked');
		const last = unchecked.at(-1);
		if (last === undefined) return [];
		return [
			{
				id: `unchecked:${name}`,
				severity: 'warning',
				title: `${plural(unchecked.length, 'transfer')} of ${name} cannot be checked`,
				cause: `The latest is #${last.number}: every layer reported success, but ${disk} could not be read back to compare.`,
				cure: 'Look for disk errors in the kernel log of this computer, and copy what can still be read.',
				about: [name],
			},
		];
	});
}

/** Guest domains without a VM, in which there are at most ppt devices without a VM. */
function leakedDomainFindings({devices}: MachineState, views: readonly DomainView[]): Finding[] {
	return views
		.filter(({domain}) => domain.role === 'guest' && domain.vm === undefined)
		.filter(({domain}) =>
			devices.every(({domain: id, driver, vm}) => id !== domain.id || (driver === 'ppt' && !vm)),
		)
		.map(({domain, mappedPages}) => ({
			id: `leaked-domain:${domain.id}`,
			severity: 'warning',
			title: `Domain ${domain.id} is leaked: no VM uses it`,
			cause: `A VM’s last passthru device was unbound and another one bound without a reset in between. vmm created a new domain and lost this one with its tables${mappedPages > 0 ? `, which still map ${plural(mappedPages, 'page')}` : ''}. A kernel with INVARIANTS panics there.`,
			cure: 'Reset the VM (bhyvectl --force-reset, or shut it down and start it) before binding a device again. The leaked tables stay until the host reboots.',
			about: [domain.root],
		}));
}

function faultLogFindings({faultLog, writer}: MachineState): Finding[] {
	const {kind, total, overflow, kernelLogged} = faultLog;
	if (!overflow) return [];
	const registers = kind === 'registers';
	if (writer !== undefined) return [unreadFaults(registers, total, writer)];
	return [
		{
			id: 'faults-overflow',
			severity: 'warning',
			title: registers
				? `All ${total} fault registers are full, and nobody reads them`
				: 'The event log has overflowed',
			cause: `The kernel has logged ${kernelLogged ? plural(kernelLogged, 'fault') : 'no faults'}. Hardware now drops new faults silently, so an empty log proves nothing.`,
			cure: registers
				? 'FreeBSD’s vmm does not handle VT-d faults. Read the registers by hand, clear the F bit of each record, then clear PFO in FSTS (write 1).'
				: 'Stop the faulting device (devctl disable) and read its lines in dmesg. Then clear EventOverflow in the status register (write 1); until then nothing is recorded.',
			about: [],
		},
	];
}

const unreadFaults = (registers: boolean, total: number, writer: string): Finding => ({
	id: 'faults-overflow',
	severity: 'warning',
	title: registers ? `All ${total} fault registers are full` : 'The event log has overflowed',
	cause: `Faults come faster than the kernel of ${writer} reads them, or it does not read them at all. Meanwhile hardware drops new faults silently.`,
	cure: `Find the faulting device in the list of faults, and read the kernel log of ${writer}.`,
	about: [],
});

function staleFindings(
	memory: PhysicalReader,
	state: MachineState,
	cached: readonly CachedPage[],
): Finding[] {
	const stale = stalePages(memory, state, cached);
	if (stale.length === 0) return [];
	return [
		{
			id: 'stale',
			severity: 'error',
			title: `${plural(stale.length, 'stale translation')} in the IOTLB`,
			cause: `Hardware uses the IOTLB before the tables, and the IOTLB still translates ${plural(stale.length, 'page')} that the tables no longer map. A device can read and write memory that now belongs to another owner.`,
			cure: 'Software must invalidate the IOTLB after it removes a page from a domain, before the page is used again. FreeBSD does (iommu_invalidate_tlb). If a host shows this, its IOMMU driver has a bug.',
			about: stale.slice(0, 8).map(({iova}) => iova),
		},
	];
}
