// What a machine looks like at one moment, for a pipe: plain text for people, JSON for programs.

import {loggedJson} from '../explain/faults.js';
import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import type {Fault, FaultLog, Logged} from '../machine/fault.js';
import type {Device, MachineState, ObservedMachine} from '../machine/observed.js';
import type {Domain} from '../machine/tables.js';
import type {Transfer} from '../machine/transfer.js';
import {grouped, plural} from '../words.js';
import {isIdentity} from './mappings.js';
import {type DomainView, type Range, UNKNOWN, viewDomain} from './ranges.js';

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
				ranges: view.ranges.filter(isMapped).map(({iova, hpa, owner, ...range}) => ({
					iova: hex(iova),
					hpa: hex(hpa),
					...range,
					owner: owner === UNKNOWN ? null : owner,
				})),
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
		logged: state.logged ? state.logged.faults.map(loggedJson) : null,
		counters: state.counters ?? null,
		notes: state.notes ?? [],
	};
}

const isMapped = ({read, write}: Range): boolean => read || write;
const rights = ({read, write}: Range): string => `${read ? 'r' : '-'}${write ? 'w' : '-'}`;

/** The snapshot as text, a section for each panel of the dashboard. */
export function snapshotText(machine: ObservedMachine): string {
	const state = machine.state();
	const views = state.domains.map(domain => viewDomain(machine.memory, state.owned, domain));
	const names = Math.max(7, ...state.devices.map(({name}) => name.length));
	const drivers = state.writer ? 0 : 6;
	return [
		titleText(state),
		...views.flatMap(view => domainText(view, state)),
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
			return `  ${ridText(rid).padEnd(8)} ${name.padEnd(names)} ${driver.padEnd(drivers)} ${where}`;
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
		...(state.writer ? [] : ['', 'TRANSFERS', ...state.transfers.map(transferText)]),
		'',
		faultTitle(state),
		...state.faults.map(fault => {
			const owner = fault.owner === undefined ? '' : ` (${fault.owner})`;
			const access = fault.write ? 'write' : 'read';
			const lost = fault.recorded ? '' : ', not recorded: registers full';
			return `  #${fault.number} ${fault.device} ${ridText(fault.rid)} ${access} ${hex(fault.iova)}${owner}: reason ${fault.reason}, ${fault.text}${lost}`;
		}),
		...(state.logged ? loggedText(state.logged) : []),
		...(state.notes?.length ? ['', 'NOTES', ...state.notes.map(note => `  ${note}`)] : []),
		'',
	].join('\n');
}

const loggedText = ({from, faults, closing}: Logged): string[] => [
	'',
	`FAULTS IN ${from}`,
	...faults.map(({title, count}) => `  ${title}${count > 1 ? ` ×${grouped(count)}` : ''}`),
	...closing.map(text => `  ${text}`),
];

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

function domainText(
	{domain, ranges, mappedPages, removedPages}: DomainView,
	{devices}: MachineState,
): string[] {
	const host = domain.role === 'host';
	const removed = removedPages > 0 ? `, ${grouped(removedPages)} removed` : '';
	return [
		'',
		`${domainTitle(domain, devices)}: ${grouped(mappedPages)} pages${removed}`,
		...ranges.map(range => {
			const end = range.iova + range.pages * PAGE_SIZE - 1;
			const to = host ? '' : ` → ${hex(range.hpa)}`;
			return `  ${hex(range.iova)}–${hex(end)}${to} ${grouped(range.pages).padStart(9)} ${rights(range)} ${range.owner}`.trimEnd();
		}),
	];
}

function domainTitle(domain: Domain, devices: readonly Device[]): string {
	const {id, role, vm} = domain;
	if (role !== 'os') return `${role === 'host' ? 'HOST' : 'GUEST'} DOMAIN ${id}${vm ? ` of ${vm}` : ''}`;
	return `DOMAIN ${id} of ${usersOf(domain, devices)}${isIdentity(domain) ? ', every address is its own' : ''}`;
}

/** Its number, or what it is called. */
export const domainName = ({id, label}: Domain): string => label ?? `${id}`;

/** The functions in a domain. */
export const usersOf = ({id}: Domain, devices: readonly Device[]): string =>
	devices
		.filter(({domain}) => domain === id)
		.map(({name}) => name)
		.join(', ') || 'no function';

export function faultTitle({faultLog, faults}: MachineState): string {
	return `FAULTS ${faultCountText(faultLog, faults)} · ${faultLogText(faultLog)}`;
}

/** Without the lab only those that were still recorded when somebody looked are seen. */
export const faultCountText = ({blocked}: FaultLog, faults: readonly Fault[]): string =>
	blocked === undefined ? `${grouped(faults.length)} seen` : `the lab saw ${grouped(blocked)}`;

/** What hardware holds of the faults, and what the kernel made of them. */
export function faultLogText({kind, total, used, overflow, kernelLogged}: FaultLog): string {
	const full = overflow ? ', full: later ones are lost' : '';
	const logged = kernelLogged === undefined ? '' : ` · kernel logged ${grouped(kernelLogged)}`;
	return `${kind === 'registers' ? 'registers hold' : 'event log holds'} ${used} of ${total}${full}${logged}`;
}

function transferText({
	number: n,
	command,
	policy,
	data,
	path,
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
	return `  #${n} ${policy}: ${what}: ${data} ${path}, ${grouped(landed)} of ${grouped(bytes)} bytes, ${plural(faults, 'fault')}${tail}`;
}
