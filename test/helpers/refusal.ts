import assert from 'node:assert/strict';
import {Disk, type DiskOptions} from '../../source/hardware/disk.js';
import {UserError} from '../../source/user-error.js';

/** The sentence that opening a path gives; empty where it opens. */
export function refusal(file: string, options: DiskOptions = {}): string {
	try {
		Disk.open(file, options).close();
	} catch (error) {
		assert.ok(error instanceof UserError, String(error));
		return error.message;
	}
	return '';
}
