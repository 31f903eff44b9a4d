// Where a host's tables are read.

import type {LiveMemory} from '../../tables/table-pages.js';
import type {KernelUnits} from './kernel-units.js';

/** This machine's memory, or a capture. */
export type TableSource = {
	memory: LiveMemory;
	/** All memory, by address. */
	ranges: readonly {hpa: number; bytes: number}[];
	/** Bits of a physical address. */
	width: number;
	/** As they are now. @throws KcoreError if the kernel's structures are not as expected */
	units(): KernelUnits;
	close(): void;
};
