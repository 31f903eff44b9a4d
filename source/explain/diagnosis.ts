// What is wrong with a machine, or soon will be, in the manner of tokio-console's warnings: each says what it means
// and what to do about it on a FreeBSD host. A machine where all is well has none.

import type {Finding} from '../machine/finding.js';
import type {MachineState, Vm} from '../machine/observed.js';
import type {CachedPage, PhysicalReader} from '../machine/tables.js';
import {grouped, plural} from '../words.js';
import {stalePages} from './cached.js';
import {deviceFindings} from './diagnosis-devices.js';
import {type DomainView, FREE, type Range} from './ranges.js';
import {memoryWords} from './why.js';

const RELOAD =
	'shut the VMs down and load vmm anew (kldunload vmm, kldload vmm): it makes the host domain again';
const SEVERITIES = ['error', 'warning', 'note'] as const;

/** The worst first. `views` are those of the machine's domains; `cached` is what the IOTLB holds, where that is known. */
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
		...deviceFindings(memory, state, views),
		...leakedDomainFindings(state, views),
		...faultLogFindings(state),
		...staleFindings(memory, state, cached),
	];
	return SEVERITIES.flatMap(severity => found.filter(finding => finding.severity === severity));
}

/** Disks whose blocks a controller writes into the guest's pages by itself: no file, and no zvol. */
const isRaw = ({disk}: Vm): boolean => /^\/dev\/(ada|da|nda|nvd|mmcsd|vtbd)\d/.test(disk);

/** What the host domain does not map: a guest's memory behind a raw disk, and what nobody has a reason to leave out. */
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
		title: `${name}’s memory is missing from the host domain, and ${disk} is its disk`,
		cause: `The host domain does not map ${pages} of ${name}. The disk’s controller is in that domain: what it reads for ${name} into one of those pages is dropped, and success is reported at every step. The guest finds what was in its buffer before: no partition table, no boot loader, failed mounts.`,
		cure: `Use a vmm with D34607, which keeps guest memory in the host domain. Until then give ${name} a file or a zvol as its disk, which the CPU copies${without}.`,
		about,
	};
}

function leftOut({vms}: MachineState, owner: string, pages: string, about: Finding['about']): Finding {
	const guest = vms.some(({name}) => name === owner);
	const later =
		owner === FREE
			? 'Whoever gets these pages next finds that no device of the host can write to them.'
			: `No device of the host reaches them, so I/O into them is lost.`;
	return {
		id: `left-out:${owner}`,
		severity: guest ? 'error' : 'warning',
		title: `The host domain lacks ${pages} of ${memoryWords(owner, {vms})}`,
		cause: `Only a VM with a passthru device has its pages taken out, and ${guest ? `${owner} has none` : 'these belong to no VM'}. A bind that failed after the pages had been taken out leaves them out, also when that VM is gone. ${later}`,
		cure: `To mend it, ${RELOAD}. To avoid it, give a VM only devices that pciconf -l shows as ppt and that no other VM has.`,
		about,
	};
}

/** Under the policy of now: what was lost before a change of it is history. */
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
				title: `${plural(lost.length, 'transfer')} of ${name} lost with success reported`,
				cause: `The last is #${last.number}: ${grouped(last.landed)} of ${grouped(last.bytes)} bytes landed. Neither bhyve nor the guest was told: the guest goes on with what its buffer held before.`,
				cure: `Open the walk of #${last.number} to see which entry refused it. What ${name} has read or written since should not be trusted: shut it down, and check its file systems.`,
				about: last.iova === undefined ? [name] : [name, last.iova],
			},
		];
	});
}

/** A guest's domain that no VM has, with nobody in it but devices that were forgotten there. */
function leakedDomainFindings({devices}: MachineState, views: readonly DomainView[]): Finding[] {
	return views
		.filter(({domain}) => domain.role === 'guest' && domain.vm === undefined)
		.filter(({domain}) =>
			devices.every(({domain: id, driver, vm}) => id !== domain.id || (driver === 'ppt' && !vm)),
		)
		.map(({domain, mappedPages}) => ({
			id: `leaked-domain:${domain.id}`,
			severity: 'warning',
			title: `Domain ${domain.id} is leaked: nobody is in it`,
			cause: `A VM whose last passthru device was unbound got another without a reset in between: vmm made a new domain and forgot this one, tables and all${mappedPages > 0 ? `, which still map ${plural(mappedPages, 'page')}` : ''}. A kernel with INVARIANTS panics there.`,
			cure: 'Reset the VM (bhyvectl --force-reset, or shut it down and start it) before a device is bound again. The leaked tables stay until the host is booted.',
			about: [domain.root],
		}));
}

function faultLogFindings({faultLog, writer}: MachineState): Finding[] {
	const {kind, total, overflow, kernelLogged} = faultLog;
	if (!overflow) return [];
	const registers = kind === 'registers';
	if (writer !== undefined) return [unreadFaults(registers, total, writer)];
	const reader = kernelLogged
		? `The kernel has logged ${grouped(kernelLogged)} of them`
		: 'Nobody reads them: the kernel has logged none';
	return [
		{
			id: 'faults-overflow',
			severity: 'warning',
			title: registers
				? `All ${total} fault registers are full, and nobody reads them`
				: 'The event log has overflowed',
			cause: `${reader}. From now on hardware drops each new fault without a trace, so an empty log proves nothing.`,
			cure: registers
				? 'FreeBSD’s vmm has no handler for VT-d’s faults: read the registers by hand, and clear PFO in FSTS (write 1) after the F bit of each record.'
				: 'Stop the device that faults (devctl disable), and read its lines in dmesg. Nothing is recorded until EventOverflow in the status register is cleared (write 1).',
			about: [],
		},
	];
}

const unreadFaults = (registers: boolean, total: number, writer: string): Finding => ({
	id: 'faults-overflow',
	severity: 'warning',
	title: registers ? `All ${total} fault registers are full` : 'The event log has overflowed',
	cause: `Faults come faster than the kernel of ${writer} takes them, or it does not take them at all. New ones are dropped without a trace meanwhile.`,
	cure: `Find the device that faults among those in the list, and read the kernel log of ${writer}.`,
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
			title: `${plural(stale.length, 'cached translation')} that the tables no longer have`,
			cause: `The IOTLB is asked before the tables, and still answers for ${stale.length === 1 ? 'a page' : 'pages'} that ${stale.length === 1 ? 'has' : 'have'} been taken out: a device goes on reading and writing memory that may be another’s by now.`,
			cure: 'Whoever takes a page out of a domain has to invalidate the IOTLB before the page is used again. FreeBSD does (iommu_invalidate_tlb): if a host shows this, it is a bug of its IOMMU driver.',
			about: stale.slice(0, 8).map(({iova}) => iova),
		},
	];
}
