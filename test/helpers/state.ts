// The state of a machine that a test makes up.

import type {MachineState} from '../../source/seam/observed.js';

export const stateWith = (parts: Partial<MachineState>): MachineState => ({
	revision: 1,
	tables: 1,
	title: 'test',
	iommu: 'vt-d',
	domains: [],
	devices: [],
	vms: [],
	owned: [],
	transfers: [],
	tally: {delivered: 0, lost: 0, torn: 0, failed: 0},
	faults: [],
	faultLog: {
		kind: 'registers',
		total: 8,
		used: 0,
		overflow: false,
		blocked: 0,
		kernelLogged: 0,
		kernelLines: [],
	},
	...parts,
});
