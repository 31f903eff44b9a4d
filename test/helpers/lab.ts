import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {TestContext} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {sampleDisk} from '../../source/lab/build/sample-disk.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import {Lab} from '../../source/lab/lab.js';
import type {Setting} from '../../source/lab/scenario/parse.js';
import type {Command, DiskCommand, MachineSpec} from '../../source/machine/command.js';
import type {Transfer} from '../../source/machine/transfer.js';

export const MIB = 1024 * 1024;

/** What has an end: a test, or what is measured. */
export type Ends = {after: (end: () => unknown) => void};

/** A folder of its own for a test, gone with it. */
export function folder(t: Ends): string {
	const made = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-test-'));
	t.after(() => fs.rmSync(made, {recursive: true, force: true}));
	return made;
}

/** An image of seeded random bytes, no two sectors alike. */
export function randomImage(t: TestContext, bytes: number, seed = 1): {file: string; content: Buffer} {
	const random = seededRandom(seed);
	const content = Buffer.alloc(bytes);
	for (let at = 0; at < bytes; at += 4) content.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
	const file = path.join(folder(t), 'random.img');
	fs.writeFileSync(file, content);
	return {file, content};
}

export type LabSetup = Partial<MachineSpec> & {disk?: string; writable?: boolean; overlay?: boolean};

export function openTestLab(t: TestContext, {disk, writable, overlay, ...parts}: LabSetup = {}): Lab {
	const machine = {...defaultSpec(parts.hostMemory ?? 256 * MIB), ...parts};
	const opened = Disk.open(disk ?? sampleDisk(), {writable, overlay});
	const lab = new Lab(machine, {disk: opened, sample: disk === undefined});
	t.after(() => lab.close());
	return lab;
}

/** What scenarios are read against: rehearsed on the sample disk, or on one that is given. */
export function testSetting(
	t: TestContext,
	{disk, writable}: Pick<LabSetup, 'disk' | 'writable'> = {},
): Setting {
	const opened = Disk.open(disk ?? sampleDisk(), {overlay: writable});
	t.after(() => opened.close());
	return {
		base: defaultSpec(256 * MIB),
		override: machine => machine,
		power: machine => new Lab(machine, {disk: opened.scratch, sample: disk === undefined}),
	};
}

/** Runs a command that is a transfer. */
export function transfer(lab: Lab, command: Command): Transfer {
	const outcome = lab.dispatch(command);
	if (outcome.kind !== 'transfer') throw new Error(`${command.do} is no transfer`);
	return outcome.transfer;
}

export const read = (lab: Lab, vm: string, more: Partial<DiskCommand> = {}) =>
	transfer(lab, {do: 'read', vm, lba: 0, sectors: 8, segments: 1, gpa: lab.defaultGpa, ...more});
