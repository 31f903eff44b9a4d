// A machine at one moment, for a pipe: plain text for people, JSON for programs.

import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import type {Fault, Logged} from '../machine/fault.js';
import type {Device, MachineState, ObservedMachine, Vm} from '../machine/observed.js';
import type {Domain, PhysicalReader} from '../machine/tables.js';
import type {Transfer} from '../machine/transfer.js';
import type {SnapshotJson, TransferJson} from '../outputs.js';
import {type Line, section, toned} from '../text/rows.js';
import {padEnd, widthOf} from '../text/width.js';
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
		domains: domainsJson(machine.memory, state),
		devices: state.devices.map(deviceJson),
		vms: state.vms,
		transfers: state.transfers.map(transferJson),
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

/** The domains with all they map. */
export const domainsJson = (memory: PhysicalReader, {domains, owned}: MachineState) =>
	domains.map(domain => {
		const view = viewDomain(memory, owned, domain);
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
	});

export const deviceJson = ({rid, name, driver, domain, untranslated, vm}: Device) => ({
	rid: ridText(rid),
	name,
	driver,
	domain: domain ?? null,
	untranslated,
	vm: vm ?? null,
});

export const transferJson = ({command, iova, ...transfer}: Transfer): TransferJson => ({
	...transfer,
	iova: iova === undefined ? null : hex(iova),
	command: {...command, gpa: hex(command.gpa)},
});

const isMapped = ({read, write}: Range): boolean => read || write;
const rights = ({read, write}: Range): string => `${read ? 'r' : '-'}${write ? 'w' : '-'}`;

/** The snapshot as text, with a section for each panel of the dashboard. */
export function snapshotLines(machine: ObservedMachine): Line[] {
	const state = machine.state();
	const {domains, vms, transfers, faultLog, faults, logged, notes = []} = state;
	const counts = `${faultCountText(faultLog, faults)} · ${faultLogText(faultLog)}`;
	return [
		...toned('title', [titleText(state)]),
		...domains.flatMap(domain => domainText(viewDomain(machine.memory, state.owned, domain), state)),
		...section('DEVICES', devicesText(state)),
		...vms.flatMap(vm => section(vmTitle(vm), vm.console.map(indent))),
		...(state.writer ? [] : section('TRANSFERS', transfers.flatMap(transferLines))),
		...section(`FAULTS: ${counts}`, faults.map(faultText)),
		...(logged ? section(`FAULTS IN ${logged.from}`, loggedText(logged).map(indent)) : []),
		...(notes.length > 0 ? section('NOTES', notes.map(indent)) : []),
	];
}

const indent = (line: string): string => `  ${line}`;

function vmTitle({name, pages, passthru, wired, model, disk}: Vm): string {
	const devices = passthru.length > 0 ? passthru.join(', ') : 'no passthru device';
	return `GUEST ${name}: ${grouped(pages)} pages, ${wired ? 'wired' : 'not wired'}, ${devices}, ${model} on ${disk}`;
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
): Line[] {
	const host = domain.role === 'host';
	const removed = removedPages > 0 ? `, ${grouped(removedPages)} removed` : '';
	const lines = ranges.map(range => {
		const end = range.iova + range.pages * PAGE_SIZE - 1;
		const to = host ? '' : ` → ${hex(range.hpa)}`;
		return `  ${hex(range.iova)}–${hex(end)}${to} ${grouped(range.pages).padStart(9)} ${rights(range)} ${range.owner}`.trimEnd();
	});
	return section(`${domainTitle(domain, devices)}: ${grouped(mappedPages)} pages${removed}`, lines);
}

function domainTitle(domain: Domain, devices: readonly Device[]): string {
	const {id, role, vm} = domain;
	if (role !== 'os') return `${role === 'host' ? 'HOST' : 'GUEST'} DOMAIN ${id}${vm ? ` of ${vm}` : ''}`;
	return `DOMAIN ${id} of ${functionsIn(domain, devices)}${isIdentity(domain) ? ', 1:1 without tables' : ''}`;
}

function devicesText({devices, writer}: MachineState): string[] {
	const names = Math.max(7, ...devices.map(({name}) => widthOf(name)));
	const drivers = writer ? 0 : 6;
	return devices.map(
		device =>
			`  ${ridText(device.rid).padEnd(8)} ${padEnd(device.name, names)} ${padEnd(device.driver, drivers)} ${placeText(device)}`,
	);
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

const loggedText = ({faults, closing}: Logged): string[] => [
	...faults.map(({title, count}) => `${title}${count > 1 ? ` ×${grouped(count)}` : ''}`),
	...closing,
];
