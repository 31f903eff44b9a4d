// A real host as its kernel tells of it, in words: what there is to see of IOMMUs where no table can be read.

import type {Finding} from '../explain/diagnosis.js';

export type HostFacts = {
	/** What it is, in a few words each: "Linux 6.1.0-56-amd64", "1 IOMMU unit". */
	facts: readonly string[];
	/** The words of the kernel's command line that are about IOMMUs. */
	booted: readonly string[];
	units: readonly UnitFacts[];
	groups: readonly GroupFacts[];
	/** Devices in no group: no IOMMU holds them back. */
	alone: readonly DeviceFacts[];
	/** Addresses that no driver may map, each said once. */
	reserved: readonly string[];
	/** What page tables hold, a line a device. */
	tables: readonly string[];
	warnings: readonly Finding[];
	/** What cannot be seen from here, and how it could be. */
	notSeen: readonly {what: string; how: string}[];
};

export type UnitFacts = {name: string; facts: string; capabilities: readonly string[]};

export type GroupFacts = {
	number: number;
	/** Whose it is, or whose it could be: a VM's name, "free", "host". */
	brief: string;
	/** The same as a sentence. */
	verdict: string;
	tone: 'title' | 'good' | 'warn' | 'dim';
	/** Of its default domain. */
	type: string;
	/** Further owners. */
	also: readonly string[];
	devices: readonly DeviceFacts[];
	reserved: readonly string[];
};

export type DeviceFacts = {
	/** 01:00.0, or the name of a platform device. */
	id: string;
	/** What its class is called. */
	kind: string;
	/** What pci.ids calls it, else its numbers. */
	product?: string;
	/** Its driver, with whose that is. */
	whose?: string;
};
