// A machine of which nothing has been seen yet; and what two looks at it have in common.

import type {MachineState} from '../machine/observed.js';
import {messageOf, UserError} from '../user-error.js';

export const EMPTY_STATE: MachineState = {
	revision: 0,
	tables: 0,
	title: '',
	iommu: 'none',
	domains: [],
	devices: [],
	vms: [],
	owned: [],
	transfers: [],
	tally: {delivered: 0, lost: 0, torn: 0, failed: 0, unchecked: 0},
	faults: [],
	faultLog: {kind: 'registers', total: 0, used: 0, overflow: false, kernelLines: []},
};

/** What is as it was stays the same object. */
export const keepIdentity = <T>(before: T, now: T): T => (sameJson(before, now) ? before : now);
export const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Why a look came to nothing, as a sentence. */
export const troubleText = (error: unknown): string =>
	error instanceof UserError ? messageOf(error) : `A fault of dmascope’s own: ${messageOf(error)}`;
