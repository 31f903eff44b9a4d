// The PCI tree, with each port's ACS bits: why groups are as they are, and which way two functions reach each other (Linux's
// pci_device_group in drivers/iommu/iommu.c and pci_acs_enabled in drivers/pci/pci.c).

import {ACS, ACS_BITS, ACS_NEEDED, decodeConfig, type PciConfig} from '../../formats/pci-config.js';
import {type HostDevice, isBridge, PCI, shortId} from './devices.js';
import type {HostGroup} from './groups.js';
import type {Tree} from './tree.js';

/** A function in the tree. `config`: undefined if only its head can be read. */
export type Port = {device: HostDevice; parent?: string; config?: PciConfig};
export type Topology = ReadonlyMap<string, Port>;

/** What reading has found of each function: a port's configuration space is read once. */
export type PortCache = Map<string, PciConfig | undefined>;

const CONFIG_BYTES = 4096;

/** Bridges, and functions of one card: others' configuration spaces are not looked into. */
export function readTopology(tree: Tree, devices: readonly HostDevice[], cache: PortCache): Topology {
	const found = new Map<string, Port>();
	const slots = Map.groupBy(devices, ({id}) => slotOf(id));
	for (const device of devices) {
		if (device.ids === undefined) continue;
		const {id} = device;
		const parent = parentOf(tree.link(`${PCI}/${id}`), id);
		const needed = isBridge(device) || (slots.get(slotOf(id))?.length ?? 0) > 1;
		if (needed && cache.get(id) === undefined) cache.set(id, readConfig(tree, id));
		const config = cache.get(id);
		found.set(id, {
			device,
			...(parent === undefined ? {} : {parent}),
			...(config === undefined ? {} : {config}),
		});
	}
	return found;
}

const slotOf = (id: string): string => id.slice(0, -2);

/** ../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0 is behind 00:1c.0. */
function parentOf(target: string | undefined, id: string): string | undefined {
	const names = target?.split('/') ?? [];
	const above = names[names.lastIndexOf(id) - 1];
	return above !== undefined && /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(above)
		? above
		: undefined;
}

function readConfig(tree: Tree, id: string): PciConfig | undefined {
	const text = tree.read(`${PCI}/${id}/config`, keepConfig, CONFIG_BYTES) ?? '';
	const [, kind, flags, acs] = LINE.exec(text) ?? [];
	const known = KIND_NAMES.find(each => each === kind);
	if (known === undefined) return undefined;
	const [, capable, control] = /^ acs ([0-9a-f]{2}) ([0-9a-f]{2})$/.exec(acs ?? '') ?? [];
	return {
		kind: known,
		flr: flags.includes('flr'),
		multifunction: flags.includes('multifunction'),
		...(capable === undefined
			? {}
			: {acs: {capable: Number.parseInt(capable, 16), control: Number.parseInt(control, 16)}}),
	};
}

const KIND_NAMES = [
	'endpoint',
	'root port',
	'upstream port',
	'downstream port',
	'PCIe-to-PCI bridge',
	'root complex device',
	'conventional',
] as const;
const LINE = /^kind ([\w -]+);((?: flr| multifunction)*);( acs [0-9a-f]{2} [0-9a-f]{2})?$/;

/** Of a configuration space only what is used here, as a line of text: a capture has no more of it. */
function keepConfig(text: string): string {
	if (LINE.test(text.trim())) return text;
	const config = decodeConfig(Buffer.from(text, 'latin1'));
	if (config === undefined) return '';
	const {kind, flr, multifunction, acs} = config;
	const byte = (value: number) => value.toString(16).padStart(2, '0');
	return `kind ${kind};${flr ? ' flr' : ''}${multifunction ? ' multifunction' : ''};${acs ? ` acs ${byte(acs.capable)} ${byte(acs.control)}` : ''}`;
}

/** The bits that a port lacks for isolation; a bit that it does not have counts as on, unless it has no ACS at all. */
export const missingBits = ({acs}: PciConfig): number =>
	acs === undefined ? ACS_NEEDED : acs.capable & ACS_NEEDED & ~acs.control;

/** request redirect and upstream forwarding */
function bitNames(bits: number): string {
	const names = ACS_BITS.flatMap(([short, name], bit) => ((bits >>> bit) & 1 ? [`${name} (${short})`] : []));
	return names.join(' and ');
}

const nameOf = ({device, config}: Port): string =>
	`${shortId(device.id)} ${config === undefined || config.kind === 'conventional' ? device.kind : config.kind}`;

/** The bridges above a function, the nearest first. */
export function above(topology: Topology, id: string): Port[] {
	const found: Port[] = [];
	for (
		let at = topology.get(id)?.parent;
		at !== undefined && found.length < 64;
		at = topology.get(at)?.parent
	) {
		const port = topology.get(at);
		if (port === undefined) break;
		found.push(port);
	}
	return found;
}

/** Why the devices of a group are together: a sentence for each bridge, and each card, that joins some. */
export function whyTogether(topology: Topology, {devices}: Pick<HostGroup, 'devices'>): string[] {
	if (devices.length < 2) return [];
	const ids = new Set(devices.map(({id}) => id));
	const bridges = new Map<string, Port>();
	for (const {id} of devices) for (const port of above(topology, id)) bridges.set(port.device.id, port);
	const found: string[] = [];
	for (const port of bridges.values()) {
		const behind = devices.filter(({id}) => id !== port.device.id && above(topology, id).includes(port));
		const joins = behind.length > 1 || (behind.length > 0 && ids.has(port.device.id));
		const why = joins ? whyJoins(port) : undefined;
		if (why !== undefined) found.push(`${nameOf(port)} joins ${list(behind)}: ${why}`);
	}
	for (const functions of Map.groupBy(devices, ({id}) => slotOf(id)).values()) {
		const without = functions.filter(({id}) => {
			const config = topology.get(id)?.config;
			return config !== undefined && missingBits(config) !== 0;
		});
		if (without.length > 1)
			found.push(
				`${list(without)} are functions of one device without ACS: they may reach each other inside it`,
			);
	}
	return found;
}

const list = (devices: readonly HostDevice[]): string => {
	const shown = devices.slice(0, 4).map(({id}) => shortId(id));
	return `${shown.join(', ')}${devices.length > 4 ? ` and ${devices.length - 4} more` : ''}`;
};

function whyJoins({config}: Port): string | undefined {
	if (config === undefined) return undefined;
	if (config.kind === 'PCIe-to-PCI bridge' || config.kind === 'conventional')
		return 'on the bus behind it devices share its ID, or have none that the IOMMU can tell apart';
	// An upstream port has no say: the downstream ports of its switch do.
	if (config.kind === 'upstream port') return undefined;
	const missing = missingBits(config);
	if (missing === 0) return undefined;
	return config.acs === undefined
		? 'it has no ACS, so what is behind it may be reached past the IOMMU'
		: `its ACS has ${bitNames(missing)} off`;
}

export type Route = {
	/** inside: within one card; switch: past the root complex; root complex: and so through the IOMMU; unknown. */
	through: 'inside' | 'switch' | 'root complex' | 'shared bus' | 'unknown';
	words: string;
	/** The ports on the way from the first to the second. */
	ports: readonly Port[];
};

/** Which way requests of one function to another go. */
export function routeBetween(topology: Topology, a: string, b: string): Route {
	const [up, down] = [above(topology, a), above(topology, b)];
	const meeting = up.find(port => down.includes(port));
	const cut = (path: readonly Port[]) =>
		path.slice(0, meeting === undefined ? path.length : path.indexOf(meeting));
	const [first, second] = [cut(up), cut(down)];
	const ports = [...first, ...(meeting ? [meeting] : []), ...second.toReversed()];
	const names = [a, b].map(shortId);
	if (slotOf(a) === slotOf(b)) return inside(topology, a, b, ports);
	if (meeting === undefined)
		return {
			through: 'root complex',
			words: `${names.join(' and ')} meet only in the root complex: every request between them goes through it, and so through the IOMMU. Whether the root complex passes peer-to-peer requests on is up to the processor (Linux’s pci_p2pdma_whitelist).`,
			ports,
		};
	const {config} = meeting;
	if (config === undefined) return {through: 'unknown', words: UNKNOWN, ports};
	if (config.kind === 'PCIe-to-PCI bridge' || config.kind === 'conventional')
		return {
			through: 'shared bus',
			words: `Both are on the conventional bus behind ${nameOf(meeting)}: they reach each other there, past the IOMMU.`,
			ports,
		};
	// Within a switch the downstream port that a request comes in by decides.
	const [entry, exit] = [first.at(-1), second.at(-1)];
	if (entry?.config === undefined || exit?.config === undefined)
		return {through: 'unknown', words: UNKNOWN, ports};
	const redirects = [entry, exit].map(({config}) => ((config?.acs?.control ?? 0) & ACS.RR) !== 0);
	if (redirects.every(Boolean))
		return {
			through: 'root complex',
			words: `They share the switch at ${nameOf(meeting)}, and ${nameOf(entry)} and ${nameOf(exit)} redirect requests (ReqRedir+): every request goes up to the root complex and through the IOMMU, and back down.${translated([entry, exit])}`,
			ports,
		};
	const without = [entry, exit].filter((_, i) => !redirects[i]);
	return {
		through: 'switch',
		words: `They share the switch at ${nameOf(meeting)}, and ${without.map(nameOf).join(' and ')} ${without.length === 1 ? 'does' : 'do'} not redirect requests (ReqRedir-): peer-to-peer goes straight through the switch, past the IOMMU.`,
		ports,
	};
}

const UNKNOWN = 'The configuration space of the ports between them cannot be read; run it as root.';

/** With ATS, requests that are translated already may go straight. */
const translated = (ports: readonly Port[]): string =>
	ports.every(({config}) => ((config?.acs?.control ?? 0) & ACS.DT) !== 0)
		? ' Requests that a device has had translated (ATS) go straight: DirectTrans+.'
		: '';

function inside(topology: Topology, a: string, b: string, ports: readonly Port[]): Route {
	const configs = [a, b].map(id => topology.get(id)?.config);
	if (configs.some(config => config === undefined)) return {through: 'unknown', words: UNKNOWN, ports};
	const redirects = configs.every(config => ((config?.acs?.control ?? 0) & ACS.RR) !== 0);
	return redirects
		? {
				through: 'root complex',
				words:
					'They are functions of one device, whose ACS redirects requests (ReqRedir+): these leave the device and go through the IOMMU.',
				ports,
			}
		: {
				through: 'inside',
				words:
					'They are functions of one device without ACS redirect: they may reach each other inside it, past the IOMMU.',
				ports,
			};
}
