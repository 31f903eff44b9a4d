// What a real host's kernel shows of its IOMMUs, as the sentences of a report.

import type {Finding} from './finding.js';

export type HostFacts = {
	/** The host in a few words each: "Linux 6.1.0-56-amd64", "1 IOMMU unit". */
	facts: readonly string[];
	/** Words on the kernel's command line about IOMMUs. */
	booted: readonly string[];
	units: readonly UnitFacts[];
	groups: readonly GroupFacts[];
	/** Devices in no group: no IOMMU restricts them. */
	alone: readonly DeviceFacts[];
	/** The ports of the PCI tree, with their ACS bits. */
	ports?: readonly string[];
	/** Addresses that no driver may map. */
	reserved: readonly string[];
	/** What the page tables hold, one line per device. */
	tables: readonly string[];
	/** VMs that run, one line each, where their processes show more than groups do. */
	vms?: readonly string[];
	warnings: readonly Finding[];
	/** What cannot be seen, and how to see it. */
	notSeen: readonly {what: string; how: string}[];
};

/** Whether a function can be given to a VM. */
export type Preflight = {
	device: string;
	name: string;
	driver?: string;
	group?: number;
	ready: boolean;
	/** The same as a sentence. */
	verdict: string;
	/** Further functions that go with it. */
	takes: readonly string[];
	/** What the host uses these functions for. */
	loses: readonly string[];
	/** In the kernel's order of trying; undefined if it lists none. */
	resets?: readonly string[];
	bars: readonly {number: number; bytes: number; wide: boolean}[];
	findings: readonly Finding[];
};

export type UnitFacts = {name: string; facts: string; capabilities: readonly string[]};

export type GroupFacts = {
	number: number;
	/** Its owner or possible owner: a VM's name, "free", "host". */
	brief: string;
	/** The same as a sentence. */
	verdict: string;
	tone: 'title' | 'good' | 'warn' | 'dim';
	/** The type of its default domain. */
	type: string;
	/** Further owners. */
	also: readonly string[];
	devices: readonly DeviceFacts[];
	/** Why they are together, as far as the bridges' settings say. */
	why?: readonly string[];
	reserved: readonly string[];
};

export type DeviceFacts = {
	/** 01:00.0, or the name of a platform device. */
	id: string;
	/** A PCI function's full address, 0000:01:00.0; a preflight takes it. */
	address?: string;
	/** The name of its class. */
	kind: string;
	/** Its name in pci.ids, or its numbers. */
	product?: string;
	/** Its driver, and whether that is the host's or a VM's. */
	whose?: string;
};
