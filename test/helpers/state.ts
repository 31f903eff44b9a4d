// The state of a machine that a test makes up.

import {NOTHING} from '../../source/live/nothing.js';
import type {MachineState} from '../../source/seam/observed.js';

export const stateWith = (parts: Partial<MachineState>): MachineState => ({
	...NOTHING,
	revision: 1,
	tables: 1,
	title: 'test',
	iommu: 'vt-d',
	faultLog: {...NOTHING.faultLog, total: 8, blocked: 0, kernelLogged: 0},
	...parts,
});
