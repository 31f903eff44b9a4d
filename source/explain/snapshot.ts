// A machine at one moment, for a pipe: plain text for people, JSON for programs.

import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import type {Fault, Logged} from '../machine/fault.js';
import type {Device, MachineState, ObservedMachine} from '../machine/observed.js';
import type {Domain} from '../machine/tables.js';
import type {Transfer} from '../machine/transfer.js';
import type {SnapshotJson} from '../outputs.js';
import {grouped, partOf, plural} from '../words.js';
import {faultCountText, faultLogText, loggedJson} from './faults.js';
import {isIdentity} from './mappings.js';
import {functionsIn} from './names.js';
import {type DomainView, type Range, UNKNOWN, viewDomain} from './ranges.js';

/** The snapshot that `--json` prints. Addresses are hex strings; null means not applicable or unknown. */
export function snapshotJson(machine: ObservedMachine): SnapshotJson {
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

/** The snapshot as text, with a section for each panel of the dashboard. */
export function snapshotLines(machine: ObservedMachine): string[] {
	const state = machine.state();
	const views = state.domains.map(domain => viewDomain(machine.memory, state.owned, domain));
	return [
		titleText(state),
		...views.flatMap(view => domainText(view, state)),
		...devicesText(state),
		...state.vms.flatMap(vm => {
			const passthru = vm.passthru.length > 0 ? vm.passthru.join(', ') : 'no passthru device';
			const wired = vm.wired ? 'wired' : 'not wired';
			return [
				'',
				`GUEST ${vm.name}: ${grouped(vm.pages)} pages, ${wired}, ${passthru}, ${vm.model} on ${vm.disk}`,
				...vm.console.map(line => `  ${line}`),
			];
		}),
		...(state.writer ? [] : ['', 'TRANSFERS', ...state.transfers.flatMap(transferLines)]),
		'',
		`FAULTS: ${faultCountText(state.faultLog, state.faults)} · ${faultLogText(state.faultLog)}`,
		...state.faults.map(faultText),
		...(state.logged ? loggedText(state.logged) : []),
		...(state.notes?.length ? ['', 'NOTES', ...state.notes.map(note => `  ${note}`)] : []),
	];
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
	return `DOMAIN ${id} of ${functionsIn(domain, devices)}${isIdentity(domain) ? ', 1:1 without tables' : ''}`;
}

function devicesText({devices, writer}: MachineState): string[] {
	const names = Math.max(7, ...devices.map(({name}) => name.length));
	const drivers = writer ? 0 : 6;
	return [
		'',
		'DEVICES',
		...devices.map(
			device =>
				`  ${ridText(device.rid).padEnd(8)} ${device.name.padEnd(names)} ${device.driver.padEnd(drivers)} ${placeText(device)}`,
		),
	];
}

function placeText({domain, untranslated, vm}: Device): string {
	if (untranslated) return 'not translated';
	if (domain === undefined) return 'no domain';
	return vm === undefined ? `domain ${domain}` : `${vm}, domain ${domain}`;
}

function transferLines({
	number: n,
	command,
	policy,
	data,
	path,
	bytes,
	landed,
	faults,
	note,
}: Transfer): string[] {
	const request =
		command.do === 'dma'
			? `${command.device} ${command.access} ${hex(command.gpa)}`
			: `${command.vm} ${command.do} LBA ${command.lba}, ${plural(command.sectors, 'sector')}, ${plural(command.segments, 'segment')}, ${hex(command.gpa)}`;
	const line = `  #${n} ${policy}: ${request}: ${data} ${path}, ${partOf(landed, bytes)} bytes, ${plural(faults, 'fault')}`;
	return note === undefined ? [line] : [line, `      ${note}`];
}

function faultText({number: n, device, rid, write, iova, owner, reason, text, recorded}: Fault): string {
	const memory = owner === undefined ? '' : ` (${owner})`;
	const dropped = recorded ? '' : ', not recorded: registers full';
	return `  #${n} ${device} ${ridText(rid)} ${write ? 'write' : 'read'} ${hex(iova)}${memory}: reason ${reason}, ${text}${dropped}`;
}

const loggedText = ({from, faults, closing}: Logged): string[] => [
	'',
	`FAULTS IN ${from}`,
	...faults.map(({title, count}) => `  ${title}${count > 1 ? ` ×${grouped(count)}` : ''}`),
	...closing.map(text => `  ${text}`),
];
