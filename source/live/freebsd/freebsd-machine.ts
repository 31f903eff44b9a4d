// A captured FreeBSD host as an observed machine: facts, devices and findings. Its page tables are not in a capture.

import type {DeviceFacts, GroupFacts, HostFacts} from '../../machine/host.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {PhysicalReader} from '../../machine/tables.js';
import {plural} from '../../words.js';
import type {Gap} from '../host/host.js';
import {EMPTY_STATE} from '../observation.js';
import {freebsdFindings} from './freebsd-findings.js';
import {type FreebsdHost, hasFix} from './freebsd-host.js';

const NOT_SEEN: readonly Gap[] = [
	{
		what: 'whether this reading is right: it follows FreeBSD’s sources, and has been tried on no running host',
		how: 'compare it with pciconf -lvc and sysctl hw.vmm, and report what differs',
	},
	{
		what: 'which VM has which ppt device: vmm does not say',
		how: 'look at the VM’s own configuration (bhyve -s SLOT,passthru,…)',
	},
	{what: 'what the page tables map', how: 'no tool of FreeBSD shows vmm’s; the lab shows what it writes'},
	{
		what: 'faults of VT-d: vmm has no handler for them',
		how: 'a device that is refused is silent; look for reads that return old data',
	},
];

export class FreebsdMachine implements ObservedMachine {
	readonly kind = 'host';
	readonly memory: PhysicalReader = {page: () => undefined};
	private readonly only: MachineState;

	constructor(
		readonly host: FreebsdHost,
		title: string,
	) {
		const facts = freebsdFacts(host);
		const iommu = host.acpi.includes('IVRS') ? 'amd-vi' : host.acpi.includes('DMAR') ? 'vt-d' : 'none';
		const notes = facts.notSeen.map(({what, how}) => `${what}: ${how}`);
		this.only = {...EMPTY_STATE, title, host: facts, iommu, notes};
	}

	/** A capture does not change. */
	state(): MachineState {
		return this.only;
	}

	close(): void {}
}

const FIXED = {true: 'has D34607', false: 'without D34607', undefined: 'D34607 not known'} as const;

export function freebsdFacts(host: FreebsdHost): HostFacts {
	const {release, sysctls, pptdevs, devices, processes, vms, acpi, ddb} = host;
	const warnings = freebsdFindings(host);
	const initialized = sysctls.get('hw.vmm.iommu.initialized');
	const state =
		initialized === undefined
			? 'IOMMU state unknown'
			: initialized === '0'
				? 'no passthru device bound yet, so nothing is translated'
				: 'IOMMU set up by vmm';
	return {
		facts: [
			`FreeBSD ${release}`,
			FIXED[`${hasFix(host)}`],
			state,
			plural(new Set([...vms, ...processes.map(({vm}) => vm)]).size, 'VM'),
			plural(devices.filter(({name}) => /^ppt\d/.test(name)).length, 'ppt device'),
		],
		booted:
			pptdevs.length > 0 ? [`pptdevs="${pptdevs.map(each => each.replaceAll(':', '/')).join(' ')}"`] : [],
		units: acpi.map(name => ({
			name,
			facts: name === 'DMAR' ? 'VT-d, described by ACPI' : 'AMD-Vi, described by ACPI',
			capabilities: [...sysctls]
				.filter(([key]) => key.startsWith(name === 'DMAR' ? 'hw.dmar.' : 'hw.vmm.amdvi.'))
				.map(([key, value]) => `${key}=${value}`),
		})),
		groups: devices.filter(({name}) => /^ppt\d/.test(name)).map(pptFacts),
		alone: [],
		reserved: [],
		tables: ddb === '' ? [] : ['show dmars:', ...ddb.split('\n').map(line => `  ${line}`)],
		vms: processes.map(
			({vm, pid, rawDisks, passthru}) =>
				`${vm} (bhyve ${pid}): ${passthru ? 'passthru' : 'no passthru'}; ${rawDisks.length > 0 ? `raw ${rawDisks.join(', ')}` : 'no raw disk'}`,
		),
		warnings,
		notSeen: NOT_SEEN,
	};
}

/** FreeBSD has no groups: each ppt device stands for itself. */
const pptFacts = (device: FreebsdHost['devices'][number], i: number): GroupFacts => ({
	number: i,
	brief: device.name,
	verdict: `passthru device ${device.name}`,
	tone: device.flr === false ? 'warn' : 'good',
	type: 'none: in no domain until a VM has it',
	also: [],
	devices: [deviceFacts(device)],
	reserved: [],
});

const deviceFacts = ({name, selector, product, kind, flr}: FreebsdHost['devices'][number]): DeviceFacts => ({
	id: selector,
	kind: kind || 'device',
	product: product || undefined,
	whose: `${name}${flr === undefined ? '' : flr ? ', FLR' : ', no FLR'}`,
});

/** The same as JSON. */
export function freebsdJson(host: FreebsdHost) {
	const {warnings, notSeen} = freebsdFacts(host);
	const {release, osreldate, sysctls, log, ddb, ...rest} = host;
	return {
		system: 'FreeBSD',
		release,
		osreldate: osreldate ?? null,
		d34607: hasFix(host) ?? null,
		sysctls: Object.fromEntries(sysctls),
		...rest,
		warnings,
		notSeen,
	};
}
