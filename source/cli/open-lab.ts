// From the words of the command line to a lab.

import {didYouMean} from '../did-you-mean.js';
import {Disk} from '../hardware/disk.js';
import {sampleDisk} from '../lab/build/sample-disk.js';
import {DEFAULT_MEMORY, defaultSpec, withoutPassthru} from '../lab/build/spec.js';
import type {DiskInfo} from '../lab/build/state.js';
import {Lab} from '../lab/lab.js';
import {parseHostMemory} from '../lab/scenario/machine-fields.js';
import {FAMILIES, HBA_WORDS, type MachineSpec, POLICIES} from '../machine/command.js';
import {UserError} from '../user-error.js';

/** Flags as they were given; what was not given is undefined. */
export type LabFlags = {
	disk?: string;
	writable: boolean;
	/** What guests write stays in memory. */
	overlay?: boolean;
	iommu?: string;
	hostMemory?: string;
	policy?: string;
	hba?: string;
};

/** @throws UserError that says which flag is wrong and how to mend it. */
export function openLab(flags: LabFlags): Lab {
	const machine = machineOf(flags, defaultMachine(flags));
	return new Lab(machine, openDisk(flags));
}

/** The usual machine, with the memory that the flags give. @throws UserError */
export const defaultMachine = ({hostMemory}: LabFlags): MachineSpec =>
	defaultSpec(hostMemory === undefined ? DEFAULT_MEMORY : parseHostMemory(hostMemory));

/** A machine with the flags' word over its own. @throws UserError */
export function machineOf({iommu, policy, hba}: LabFlags, base: MachineSpec): MachineSpec {
	const machine = {
		...base,
		iommu: chosen('--iommu', iommu, FAMILIES) ?? base.iommu,
		policy: chosen('--policy', policy, POLICIES) ?? base.policy,
		hba: chosen('--hba', hba, HBA_WORDS) ?? base.hba,
	};
	return machine.iommu === 'none' && base.iommu !== 'none' ? withoutPassthru(machine) : machine;
}

function chosen<Choice extends string>(
	flag: string,
	word: string | undefined,
	choices: readonly Choice[],
): Choice | undefined {
	if (word === undefined) return undefined;
	const choice = choices.find(name => name === word);
	if (choice !== undefined) return choice;
	const near = didYouMean(word, choices);
	throw new UserError(`${flag} ${word} is none; it may be ${choices.join(', ')}.${near}`);
}

/** What guests of a scenario write is gone with it, unless the disk itself is to be written. */
export const unharmed = (flags: LabFlags): LabFlags => ({...flags, overlay: !flags.writable});

/** @throws UserError where it cannot be used */
export function openDisk({disk: path, writable, overlay}: LabFlags): DiskInfo {
	// The sample stays as it was made, whoever writes to it.
	if (path === undefined)
		return {disk: Disk.open(sampleDisk(), {overlay: writable || overlay}), sample: true};
	return {disk: Disk.open(path, {writable, overlay}), sample: false};
}
