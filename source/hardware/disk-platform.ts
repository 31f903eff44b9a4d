// What dmascope asks of the system that it runs on about disks: the small interface that each system fills.

import type fs from 'node:fs';
import {messageOf, UserError} from '../user-error.js';
import type {Place} from './block-device.js';

/** The disks of a system. All throw UserErrors. */
export type Platform = {
	/** How a disk's device is called. */
	readonly device: string;
	isDevice(stat: fs.Stats): boolean;
	bytes(path: string, stat: fs.Stats): number;
	/** Flags beside O_RDWR that have the system refuse a device in use. */
	readonly guard: number;
	/** Refuses a disk that is in use, or may be. @returns the disk that the path leads to */
	refuseIfInUse(path: string): Place;
	/** Checks the open disk again, and keeps others away from it where the system can. */
	lockForWriting(path: string, fd: number, place: Place): void;
};

/** Runs a tool. @returns what it prints @throws where it fails */
export type Run = (command: string, words: readonly string[]) => string;

/** A tool's output for a disk. @throws UserError where the tool fails */
export function ask(tool: Run, path: string, command: string, words: readonly string[]): string {
	try {
		return tool(command, words);
	} catch (error) {
		throw new UserError(
			`--disk ${path} cannot be looked at: ${command} failed (${messageOf(error).split('\n')[0]}); give an image of it instead.`,
		);
	}
}
