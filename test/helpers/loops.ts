// Real loop devices and mounts of a test. They need root, and a kernel that has them.

import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {TestContext} from 'node:test';

export const run = (command: string, ...args: string[]): string =>
	execFileSync(command, args, {encoding: 'utf8', stdio: 'pipe'}).trim();

/** udev locks a new block device while it reads it. */
function settle(): void {
	try {
		run('udevadm', 'settle');
	} catch {
		// There is no udev here.
	}
}

/** A folder with images; what is done to them is undone after the test, the last first. */
export class Loops {
	readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-loops-'));
	private readonly undo: (() => void)[] = [() => fs.rmSync(this.folder, {recursive: true})];

	private constructor(t: TestContext) {
		t.after(() => {
			for (const undo of this.undo.toReversed()) undo();
		});
	}

	/** Undefined, with the test skipped, where there are no loop devices. */
	static on(t: TestContext): Loops | undefined {
		try {
			run('losetup', '-f');
			return new Loops(t);
		} catch {
			t.skip('no loop device can be had here');
			return undefined;
		}
	}

	path(name: string): string {
		return path.join(this.folder, name);
	}

	image(name: string, bytes = 8 * 1024 * 1024): string {
		fs.writeFileSync(this.path(name), '');
		fs.truncateSync(this.path(name), bytes);
		return this.path(name);
	}

	/** @returns the loop device */
	loop(file: string, ...options: string[]): string {
		const device = run('losetup', '--show', '-f', ...options, file);
		this.undo.push(() => run('losetup', '-d', device));
		settle();
		return device;
	}

	/** Makes a file system, and mounts it. @returns where */
	mount(device: string): string {
		const at = this.path(`mnt-${path.basename(device)}`);
		run('mkfs.ext4', '-q', device);
		fs.mkdirSync(at);
		run('mount', device, at);
		this.undo.push(() => run('umount', at));
		return at;
	}

	later(undo: () => void): void {
		this.undo.push(undo);
	}
}
