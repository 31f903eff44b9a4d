// The translation unit: where its tables start, the domains they describe, and what its caches hold.

import type {VtdLimits} from '../formats/vtd-tables.js';

/** Reads physical memory page by page, in this process or in another machine. */
export interface PhysicalReader {
	/** The 1,024 words of the page at a page-aligned address; undefined if there is no memory. */
	page(hpa: number): Uint32Array | undefined;
	/** Differs from before once that page may have been written; missing where writes cannot be seen. */
	version?(hpa: number): number;
}

/** A translation domain: where its tables start. What it maps is always read from the tables themselves. */
export type Domain = {
	id: number;
	/** A name to show instead of the id, if nobody knows the id. */
	label?: string;
	/** vmm's domain for the host or a guest; or `os`, one that a machine's own kernel made for its devices. */
	role: 'host' | 'guest' | 'os';
	vm?: string;
	format: 'vt-d' | 'amd-vi';
	root: number;
	/** 0: no tables, so every address maps to itself. */
	levels: number;
	/** What it maps, if already decoded. It stays the same object until something changes. */
	mappings?: readonly Mapping[];
};
export type Mapping = {iova: number; hpa: number; pages: number; read: boolean; write: boolean};

export type VtdUnit = {
	format: 'vt-d';
	/** Whether it translates. */
	enabled: boolean;
	/** The root table. */
	table: number;
} & VtdLimits;
export type AmdviUnit = {
	format: 'amd-vi';
	enabled: boolean;
	/** The device table and its size. */
	table: number;
	bytes: number;
};
/** The IOMMU between the functions and memory. */
export type Unit = VtdUnit | AmdviUnit;

/** A page in the IOTLB. */
export type CachedPage = {domain: number; iova: number; hpa: number; read: boolean; write: boolean};
/** A function's context entry or device table entry as the unit cached it. */
export type CachedEntry = {
	to: 'memory' | 'tables' | 'nothing';
	domain: number;
	root: number;
	levels: number;
	read: boolean;
	write: boolean;
};
/** What the caches hold for a function and an address. `agrees`: the tables in memory still match. */
export type Cached = {
	entry?: CachedEntry & {agrees: boolean};
	page?: CachedPage & {agrees: boolean};
};
