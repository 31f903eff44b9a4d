// The state of a machine that a test makes up.

import {EMPTY_STATE} from '../../source/live/observation.js';
import type {MachineState} from '../../source/machine/observed.js';

export const stateWith = (parts: Partial<MachineState>): MachineState => ({
	...EMPTY_STATE,
	revision: 1,
	tables: 1,
	title: 'test',
	iommu: 'vt-d',
	faultLog: {...EMPTY_STATE.faultLog, total: 8, blocked: 0, kernelLogged: 0},
	...parts,
});
