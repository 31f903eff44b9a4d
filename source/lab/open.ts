// From the words of the command line to a lab.

import {Disk} from '../hardware/disk.js';
import {POLICIES} from '../seam/observed.js';
import {UserError} from '../user-error.js';
import {parseHostMemory} from './host-memory.js';
import {Lab} from './lab.js';
import {sampleDisk, writableSampleDisk} from './sample-disk.js';

export type LabFlags = {disk?: string; writable: boolean; hostMemory: string; policy: string};

/** @throws UserError that says which flag is wrong and how to mend it. */
export function openLab({disk: path, writable, hostMemory, policy: word}: LabFlags): Lab {
	const bytes = parseHostMemory(hostMemory);
	const policy = POLICIES.find(name => name === word);
	if (policy === undefined)
		throw new UserError(`--policy ${word} is none; it may be ${POLICIES.join(', ')}.`);
	if (path === '') throw new UserError('--disk needs a path: a disk image, a partition or a block device.');
	const disk = Disk.open(path ?? (writable ? writableSampleDisk() : sampleDisk()), {writable});
	return new Lab({disk, sample: path === undefined, hostMemory: bytes, policy});
}
