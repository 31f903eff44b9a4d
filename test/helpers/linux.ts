// A Linux guest in QEMU with a shell on its console, whose disk is served by whoever tests that.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {ConsoleText} from '../../source/live/guest/console-text.js';
import {diskOptions} from '../../source/live/guest/qemu-options.js';
import {cpio, DIRECTORY, FILE, moduleFiles, PROGRAM} from './initramfs.js';
import {type Ends, folder} from './lab.js';
import type {Guest} from './qemu.js';

const PATIENCE_MS = 110_000;

/** Loads the drivers, then runs what it is told on its console, and says when that is done. */
function initramfs({modules, busybox}: Guest): Buffer {
	const files = moduleFiles(modules, ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4']);
	const script = `#!/bin/busybox sh
/bin/busybox --install /bin
mount -t devtmpfs none /dev
mount -t sysfs none /sys
mount -t proc none /proc
stty -echo
for module in ${files.map(file => path.basename(file)).join(' ')}; do insmod /lib/$module; done
until [ -b /dev/vda ]; do usleep 10000; done
echo "ready 0"
while read -r number words; do eval "$words"; echo "done $number"; done
`;
	return cpio([
		...['bin', 'dev', 'lib', 'sys', 'proc', 'tmp', 'mnt'].map(name => ({name, mode: DIRECTORY})),
		{name: 'bin/busybox', mode: PROGRAM, content: fs.readFileSync(busybox)},
		...files.map(file => ({
			name: `lib/${path.basename(file)}`,
			mode: FILE,
			content: fs.readFileSync(file),
		})),
		{name: 'init', mode: PROGRAM, content: Buffer.from(script)},
	]);
}

/** A guest whose disk is served at a socket; `more`: further options of QEMU's, such as another disk. */
export function bootLinux(t: Ends, guest: Guest, socket: string, more: readonly string[] = []) {
	const {qemu, kernel} = guest;
	const initrd = path.join(folder(t), 'initrd');
	fs.writeFileSync(initrd, initramfs(guest));
	// biome-ignore format: a line for each option
	const args = ['--pdeathsig', 'KILL', qemu,
		...diskOptions(socket, '192M', {reconnect: true}),
		'-accel', 'tcg', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
		'-serial', 'stdio',
		...more,
		'-kernel', kernel, '-initrd', initrd,
		'-append', 'console=ttyS0 panic=-1 no_timer_check intel_iommu=on iommu.strict=1 iommu.passthrough=0',
	];
	const child = spawn('setpriv', args);
	t.after(() => child.kill('SIGKILL'));
	const console = new ConsoleText();
	child.stdout.on('data', (bytes: Buffer) => console.push(bytes));
	child.stderr.on('data', (bytes: Buffer) => console.push(bytes));
	const start = performance.now();
	const until = async (what: string | RegExp) => {
		const isThere = (line: string) => (typeof what === 'string' ? line === what : what.test(line));
		while (!console.lines.some(isThere)) {
			const tail = console.lines.slice(-20).join('\n');
			assert.ok(
				performance.now() - start < PATIENCE_MS && child.exitCode === null,
				`no ${what} after\n${tail}`,
			);
			await sleep(10);
		}
	};
	let number = 0;
	/** @returns the lines that a command prints */
	const shell = async (words: string): Promise<string[]> => {
		number++;
		const before = console.lines.length;
		child.stdin.write(`${number} ${words}\n`);
		await until(`done ${number}`);
		return console.lines.slice(before, -1);
	};
	return {console, until, shell};
}
