// Whether a PCI function can be given to a VM, what goes with it, and what the host would lose. Nothing is changed.

import type {Preflight} from '../../../machine/host.js';
import {UserError} from '../../../user-error.js';
import {type HostDevice, isEndpoint, isVfio, shortId} from '../devices.js';
import type {Host} from '../host.js';
import type {Tree} from '../tree.js';
import {checks, type Subject} from './checks.js';
import {readFunction} from './function-facts.js';
import {readUses} from './uses.js';

const SEVERITIES = ['error', 'warning', 'note'] as const;

/** @throws UserError if the host has no such function */
export function preflight(tree: Tree, host: Host, name: string): Preflight {
	if (host.settings.listing)
		throw new UserError(
			'A listing of groups says too little for --device; capture that machine: sudo dmascope host --capture FILE.tar',
		);
	const device = deviceNamed(host.devices, name);
	const subject = subjectOf(tree, host, device);
	const found = checks(subject);
	const findings = SEVERITIES.flatMap(severity => found.filter(finding => finding.severity === severity));
	const blocking = findings.filter(({severity}) => severity === 'error').length;
	const {group, takes} = subject;
	return {
		device: device.id,
		name: [device.kind, device.product ?? device.ids].filter(Boolean).join(', '),
		driver: device.driver,
		group: group?.number,
		ready: blocking === 0,
		verdict:
			blocking === 0
				? readyWords(device)
				: `Not ready: ${blocking} ${blocking === 1 ? 'thing' : 'things'} to mend first`,
		takes: takes.map(each => `${shortId(each.id)} ${each.kind}`),
		loses: losesOf(subject),
		resets: subject.facts.resets,
		bars: subject.facts.bars.map(({number, bytes, wide}) => ({number, bytes, wide})),
		findings,
	};
}

/** Reads what a preflight of any device needs, for a capture. */
export function readForPreflight(tree: Tree, host: Host): void {
	for (const device of host.devices)
		if (device.ids !== undefined && isEndpoint(device)) subjectOf(tree, host, device);
}

const readyWords = (device: HostDevice): string =>
	`Ready: a VM can have ${shortId(device.id)} as it is (${device.driver})`;

/** 0000:01:00.0, or 01:00.0 where that is one. @throws UserError */
export function deviceNamed(devices: readonly HostDevice[], name: string): HostDevice {
	if (!/^([0-9a-f]{4,}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i.test(name))
		throw new UserError(`${name} is not a PCI address; write one such as 01:00.0, as lspci -D lists them.`);
	const wanted = name.toLowerCase();
	const found = devices.filter(
		({id, ids}) => ids !== undefined && (id === wanted || id.endsWith(`:${wanted}`)),
	);
	if (found.length === 1) return found[0];
	if (found.length === 0)
		throw new UserError(`This host has no PCI function ${name}; dmascope host lists those that it has.`);
	throw new UserError(
		`${name} is in several PCI segments; write the one that you mean: ${found.map(({id}) => id).join(', ')}.`,
	);
}

function subjectOf(tree: Tree, host: Host, device: HostDevice): Subject {
	const group = host.groups.find(({number}) => number === device.group);
	const slot = device.id.replace(/\.\d$/, '.');
	const siblings = host.devices.filter(({id}) => id !== device.id && id.startsWith(slot));
	// A VM gets a group as a whole, but for bridges.
	const takes = (group?.devices ?? []).filter(each => each.id !== device.id && isEndpoint(each));
	const facts = readFunction(tree, device);
	const all = [device, ...takes];
	return {
		host,
		device,
		...(group === undefined ? {} : {group}),
		siblings,
		takes,
		facts,
		parent: host.devices.find(({id}) => id === facts.parent),
		uses: all.map(each => ({device: each, uses: readUses(tree, each.id)})),
		entryLimit: numberIn(tree, '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'),
	};
}

const numberIn = (tree: Tree, file: string): number | undefined => {
	const text = tree.read(file) ?? '';
	return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
};

/** What the host uses these functions for now. */
const losesOf = ({uses}: Subject): string[] =>
	uses.flatMap(({device, uses: {disks, interfaces, route, console}}) => {
		const id = shortId(device.id);
		return [
			...disks.map(text => `${id} ${text}`),
			...(interfaces.length > 0 && !isVfio(device)
				? [`${id} network ${interfaces.join(', ')}${route === 'none' ? '' : ', with the default route'}`]
				: []),
			...(console ? [`${id} the console’s picture`] : []),
		];
	});
