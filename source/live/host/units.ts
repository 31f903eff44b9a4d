// The IOMMU units that the kernel uses: /sys/class/iommu.

import {type Halves, parseHalves} from '../../formats/address.js';
import {type AmdViFeatures, amdViCapability, amdViFeatures} from '../../formats/amdvi.js';
import {type VtdCapabilities, vtdCapabilities} from '../../formats/vtd.js';
import type {Settings} from './settings.js';
import type {Tree} from './tree.js';

export type HostUnit = {
	name: string;
	/** Undefined for another kind (an SMMU, virtio-iommu), and where the registers are not shown. */
	vtd?: VtdCapabilities;
	amdvi?: AmdViFeatures;
	format: 'vt-d' | 'amd-vi' | 'other';
	version?: string;
	/** The address of its registers, in hex digits. */
	address?: string;
	domainsUsed?: number;
};

const FOLDER = '/sys/class/iommu';

export function readUnits(tree: Tree, settings: Settings): HostUnit[] {
	return tree.list(FOLDER).map(name => {
		const files = (folder: string) => (file: string) => tree.read(`${FOLDER}/${name}/${folder}/${file}`);
		if (tree.exists(`${FOLDER}/${name}/intel-iommu`)) return readVtd(name, files('intel-iommu'));
		if (tree.exists(`${FOLDER}/${name}/amd-iommu`)) return readAmdVi(name, files('amd-iommu'), settings);
		return {name, format: 'other'};
	});
}

type Files = (file: string) => string | undefined;

function readVtd(name: string, file: Files): HostUnit {
	const [cap, ecap] = [word(file('cap')), word(file('ecap'))];
	const address = word(file('address')) && file('address');
	const used = file('domains_used');
	return {
		name,
		format: 'vt-d',
		...(cap && ecap ? {vtd: vtdCapabilities(cap, ecap)} : {}),
		...(address === undefined ? {} : {address}),
		version: /^\d+:\d+$/.exec(file('version') ?? '')?.[0].replace(':', '.'),
		...(used !== undefined && /^\d{1,9}$/.test(used) ? {domainsUsed: Number(used)} : {}),
	};
}

function readAmdVi(name: string, file: Files, settings: Settings): HostUnit {
	const features = extendedFeatures(file('features'), settings);
	const capability = word(file('cap'));
	const decoded = features && amdViFeatures(features);
	return {
		name,
		format: 'amd-vi',
		...(decoded
			? {amdvi: {...decoded, has: [...decoded.has, ...(capability ? amdViCapability(capability) : [])]}}
			: {}),
	};
}

/**
 * One word; since Linux 6.0 two, the second register first; since 6.7 the first register first
 * (features_show of amd/init.c).
 */
function extendedFeatures(text: string | undefined, {release}: Settings): Halves | undefined {
	const [first, second] = (text ?? '').split(':');
	if (second === undefined) return word(first);
	return word(isSince(release, 6, 7) ? first : second);
}

/** Whether a kernel, such as 6.1.0-56-amd64, has that version or a later one; an unknown one counts as new. */
export function isSince(release: string | undefined, major: number, minor: number): boolean {
	const [, a, b] = /^(\d+)\.(\d+)/.exec(release ?? '') ?? [];
	return a === undefined || Number(a) > major || (Number(a) === major && Number(b) >= minor);
}

const word = (text: string | undefined): Halves | undefined =>
	text !== undefined && /^(0x)?[0-9a-f]{1,16}$/i.test(text)
		? parseHalves(text.replace(/^0x/i, ''))
		: undefined;
