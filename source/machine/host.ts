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
	/** Addresses that no driver may map. */
	reserved: readonly string[];
	/** What the page tables hold, one line per device. */
	tables: readonly string[];
	warnings: readonly Finding[];
	/** What cannot be seen, and how to see it. */
	notSeen: readonly {what: string; how: string}[];
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
	reserved: readonly string[];
};

export type DeviceFacts = {
	/** 01:00.0, or the name of a platform device. */
	id: string;
	/** The name of its class. */
	kind: string;
	/** Its name in pci.ids, or its numbers. */
	product?: string;
	/** Its driver, and whether that is the host's or a VM's. */
	whose?: string;
};
