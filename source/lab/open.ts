// From the words of the command line to a lab.

import fs from 'node:fs';
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
	if (path === undefined && writable)
		return new Lab({disk: openCopy(), sample: true, hostMemory: bytes, policy});
	const disk = Disk.open(path ?? sampleDisk(), {writable});
	return new Lab({disk, sample: path === undefined, hostMemory: bytes, policy});
}

/** The copy has no name any more once it is open, so that it is gone with this process however it ends. */
function openCopy(): Disk {
	const copy = writableSampleDisk();
	try {
		return Disk.open(copy, {writable: true});
	} finally {
		fs.rmSync(copy, {force: true});
	}
}
