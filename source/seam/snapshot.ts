// What a machine looks like at one moment, for a pipe: plain text for people, JSON for programs.

import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import {grouped, plural} from '../words.js';
import type {FaultLog, MachineState, ObservedMachine, Transfer} from './observed.js';
import {type DomainView, type Range, viewDomain} from './ranges.js';

/** The snapshot as `--json` prints it. Addresses are hex strings; what does not apply is null. */
export function snapshotJson(machine: ObservedMachine) {
	const state = machine.state();
	return {
		iommu: state.iommu,
		policy: state.policy ?? null,
		disk: state.disk ?? null,
		domains: state.domains.map(domain => {
			const view = viewDomain(machine.memory, state.owned, domain);
			return {
				id: domain.id,
				role: domain.role,
				vm: domain.vm ?? null,
				mappedPages: view.mappedPages,
				removedPages: view.removedPages,
				ranges: view.ranges
					.filter(isMapped)
					.map(({iova, hpa, ...range}) => ({iova: hex(iova), hpa: hex(hpa), ...range})),
			};
		}),
		devices: state.devices.map(({rid, name, driver, domain, untranslated, vm}) => ({
			rid: ridText(rid),
			name,
			driver,
			domain: domain ?? null,
			untranslated,
			vm: vm ?? null,
		})),
		vms: state.vms,
		transfers: state.transfers.map(({command, iova, ...transfer}) => ({
			...transfer,
			iova: iova === undefined ? null : hex(iova),
			command: {...command, gpa: hex(command.gpa)},
		})),
		tally: state.tally,
		faults: state.faults.map(({rid, iova, write, owner, ...fault}) => ({
			...fault,
			rid: ridText(rid),
			iova: hex(iova),
			access: write ? 'write' : 'read',
			owner: owner ?? null,
		})),
		faultLog: state.faultLog,
		counters: state.counters ?? null,
	};
}

const isMapped = ({read, write}: Range): boolean => read || write;
const rights = ({read, write}: Range): string => `${read ? 'r' : '-'}${write ? 'w' : '-'}`;

/** The snapshot as text, a section for each panel of the dashboard. */
export function snapshotText(machine: ObservedMachine): string {
	const state = machine.state();
	const views = state.domains.map(domain => viewDomain(machine.memory, state.owned, domain));
	return [
		titleText(state),
		...views.flatMap(domainText),
		'',
		'DEVICES',
		...state.devices.map(({rid, name, driver, domain, untranslated, vm}) => {
			const where = untranslated
				? 'not translated'
				: domain === undefined
					? 'no domain'
					: vm === undefined
						? `domain ${domain}`
						: `${vm}, domain ${domain}`;
			return `  ${ridText(rid).padEnd(8)} ${name.padEnd(7)} ${driver.padEnd(6)} ${where}`;
		}),
		...state.vms.flatMap(vm => {
			const passthru = vm.passthru.length > 0 ? vm.passthru.join(', ') : 'no passthru device';
			const wired = vm.wired ? 'wired' : 'not wired';
			return [
				'',
				`GUEST ${vm.name}: ${grouped(vm.pages)} pages, ${wired}, ${passthru}, ${vm.model} on ${vm.disk}`,
				...vm.console.map(line => `  ${line}`),
			];
		}),
		'',
		'TRANSFERS',
		...state.transfers.map(transferText),
		'',
		faultTitle(state),
		...state.faults.map(fault => {
			const owner = fault.owner === undefined ? '' : ` (${fault.owner})`;
			const access = fault.write ? 'write' : 'read';
			const lost = fault.recorded ? '' : ', not recorded: registers full';
			return `  #${fault.number} ${fault.device} ${ridText(fault.rid)} ${access} ${hex(fault.iova)}${owner}: reason ${fault.reason}, ${fault.text}${lost}`;
		}),
		'',
	].join('\n');
}

const titleText = ({title, iommu, policy, disk}: MachineState): string =>
	[
		`dmascope ${title}`,
		iommu,
		policy && `policy ${policy}`,
		disk &&
			`${disk.name} is ${disk.path}, ${disk.direct ? 'O_DIRECT' : 'page cache'}, ${disk.writable ? 'writable' : 'read-only'}`,
	]
		.filter(Boolean)
		.join(' · ');

function domainText({domain, ranges, mappedPages, removedPages}: DomainView): string[] {
	const host = domain.role === 'host';
	const removed = removedPages > 0 ? `, ${grouped(removedPages)} removed` : '';
	return [
		'',
		`${host ? 'HOST' : 'GUEST'} DOMAIN ${domain.id}${domain.vm ? ` of ${domain.vm}` : ''}: ${grouped(mappedPages)} pages${removed}`,
		...ranges.map(range => {
			const end = range.iova + range.pages * PAGE_SIZE - 1;
			const to = host ? '' : ` → ${hex(range.hpa)}`;
			return `  ${hex(range.iova)}–${hex(end)}${to} ${grouped(range.pages).padStart(9)} ${rights(range)} ${range.owner}`;
		}),
	];
}

export function faultTitle({faultLog}: MachineState): string {
	return `FAULTS the lab saw ${grouped(faultLog.blocked)} · ${faultLogText(faultLog)}`;
}

/** What hardware holds of the faults, and what the kernel made of them. */
export function faultLogText({kind, total, used, overflow, kernelLogged}: FaultLog): string {
	const full = overflow ? ', full: later ones are lost' : '';
	return `${kind === 'registers' ? 'registers hold' : 'event log holds'} ${used} of ${total}${full} · kernel logged ${grouped(kernelLogged)}`;
}

function transferText({
	number: n,
	command,
	policy,
	data,
	way,
	bytes,
	landed,
	faults,
	note,
}: Transfer): string {
	const what =
		command.do === 'dma'
			? `${command.device} ${command.access} ${hex(command.gpa)}`
			: `${command.vm} ${command.do} LBA ${command.lba}, ${plural(command.sectors, 'sector')} in ${command.segments}, ${hex(command.gpa)}`;
	const tail = note === undefined ? '' : `\n      ${note}`;
	return `  #${n} ${policy}: ${what}: ${data} ${way}, ${grouped(landed)} of ${grouped(bytes)} bytes, ${plural(faults, 'fault')}${tail}`;
}
