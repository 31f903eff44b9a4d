// Opens a lab, or a scenario on a lab, with the options of the command line.

import {chosen} from '../did-you-mean.js';
import {Disk} from '../hardware/disk.js';
import {sampleDisk} from '../lab/build/sample-disk.js';
import {DEFAULT_MEMORY, defaultSpec, withoutPassthru} from '../lab/build/spec.js';
import type {DiskInfo} from '../lab/build/state.js';
import {Lab} from '../lab/lab.js';
import {findScenario} from '../lab/scenario/find.js';
import {type MachineFields, parseHostMemory} from '../lab/scenario/machine-fields.js';
import {parseScenario, type Setting} from '../lab/scenario/parse.js';
import {FAMILIES, HBA_WORDS, type MachineSpec, POLICIES} from '../machine/command.js';
import type {Scenario} from '../machine/scenario.js';
import {UserError} from '../user-error.js';
import {sizeText} from '../words.js';

/** The given options; undefined if not given. */
export type LabFlags = {
	disk?: string;
	writable: boolean;
	/** Keep the guests' writes in memory. */
	overlay?: boolean;
	iommu?: string;
	hostMemory?: string;
	policy?: string;
	hba?: string;
};

/** @throws UserError if an option is wrong */
export function openLab(flags: LabFlags): Lab {
	const machine = machineOf(flags, defaultMachine(flags));
	return new Lab(machine, openDisk(flags));
}

/** The default machine, with the given memory. @throws UserError */
export const defaultMachine = ({hostMemory}: LabFlags): MachineSpec =>
	defaultSpec(hostMemory === undefined ? DEFAULT_MEMORY : parseHostMemory(hostMemory));

/** A machine with the options in place of its own parts. @throws UserError */
export function machineOf({iommu, policy, hba}: LabFlags, base: MachineSpec): MachineSpec {
	const machine = {
		...base,
		iommu: chosen('IOMMU', iommu, FAMILIES) ?? base.iommu,
		policy: chosen('policy', policy, POLICIES) ?? base.policy,
		hba: chosen('HBA answer', hba, HBA_WORDS) ?? base.hba,
	};
	return machine.iommu === 'none' && base.iommu !== 'none' ? withoutPassthru(machine) : machine;
}

/** Without --writable, the writes of a scenario's guests go to an overlay. */
export const unharmed = (flags: LabFlags): LabFlags => ({...flags, overlay: !flags.writable});

/** @throws UserError if the disk cannot be used */
export function openDisk({disk: path, writable, overlay}: LabFlags): DiskInfo {
	// The sample disk itself is never written.
	if (path === undefined)
		return {disk: Disk.open(sampleDisk(), {overlay: writable || overlay}), sample: true};
	return {disk: Disk.open(path, {writable, overlay}), sample: false};
}

/** A scenario, and its machine before the first step. @throws UserError */
export function openScenario(flags: LabFlags, nameOrPath: string): {lab: Lab; scenario: Scenario} {
	const info = openDisk(unharmed(flags));
	try {
		const {path, text} = findScenario(nameOrPath);
		const scenario = parseScenario(path, text, settingOf(flags, info));
		return {lab: new Lab(scenario.machine, info), scenario};
	} catch (error) {
		info.disk.close();
		throw error;
	}
}

/** How the command line affects scenarios. They are rehearsed on the disk that they will run on. */
export const settingOf = (flags: LabFlags, info: DiskInfo, set?: MachineFields): Setting => ({
	base: defaultMachine(flags),
	set,
	override: machine => overridden(flags, machine),
	power: machine => new Lab(machine, {...info, disk: info.disk.scratch}),
});

/** A scenario's machine with the options of the command line. */
function overridden(flags: LabFlags, machine: Scenario['machine']): Scenario['machine'] {
	const {hostMemory} = defaultMachine(flags);
	if (flags.hostMemory !== undefined && hostMemory !== machine.hostMemory) {
		const size = sizeText(machine.hostMemory).replace(/ |iB/g, '');
		throw new UserError(`it is written for a host of ${size}; run it with --host-memory ${size}.`, [
			'memory',
		]);
	}
	return machineOf(flags, machine);
}
