// What differs between FreeBSD's releases in what the lab models. Read from the sources of each; see the comments.

/** 14-CURRENT is main of March 2022, just before and just after D34607: where the lab is at home. */
export const RELEASES = ['13.0', '13.1', '14-CURRENT', '14.3', '15'] as const;
export type ReleaseName = (typeof RELEASES)[number];

export type Release = {
	/** D34607 (13.1): guest memory stays in the host domain. Undefined for both sides of the change. */
	keepsInHost?: boolean;
	/**
	 * D49629 (2025): vm_assign_pptdev creates the domain, assigns the device, and then maps. Before, it mapped first, so a
	 * refused device left the mappings behind.
	 */
	mapsLast: boolean;
	/**
	 * vm_iommu_map asks vm_memseg_sysmem(vm, i), where i counts maps, not segments, and segment 1 is no system memory:
	 * the map of high memory is left out. Read in bsdjhb/freebsd at 9a1d4bf5122f (2025); a later tree asks mm->segid.
	 */
	mapsByIndex: boolean;
	/** D28880: block_if trims files with fspacectl(2). It is in main of March 2022, not in stable/13. */
	trimsFiles: boolean;
	/** What bhyve prints when a device model does not start. Since 14.0 by EPRINTLN. */
	startError: string;
};

const OLD_ERROR = 'device emulation initialization error';
const NEW_ERROR = 'Device emulation initialization error';
const BASE = {mapsLast: false, mapsByIndex: false, trimsFiles: true};

const TABLE: Readonly<Record<ReleaseName, Release>> = {
	'13.0': {...BASE, keepsInHost: false, trimsFiles: false, startError: OLD_ERROR},
	'13.1': {...BASE, keepsInHost: true, trimsFiles: false, startError: OLD_ERROR},
	'14-CURRENT': {...BASE, startError: OLD_ERROR},
	'14.3': {...BASE, keepsInHost: true, startError: NEW_ERROR},
	'15': {...BASE, keepsInHost: true, mapsLast: true, mapsByIndex: true, startError: NEW_ERROR},
};

export const releaseOf = (name: ReleaseName): Release => TABLE[name];
