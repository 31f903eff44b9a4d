// The real thing: Debian's kernel in QEMU is traced while it reads a disk through its IOMMU. Needs what .ci/guest fetches.

import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {promisify} from 'node:util';
import {buildSync} from 'esbuild';
import {hexHalves} from '../../../source/formats/address.js';
import type {TraceEvent} from '../../../source/machine/trace.js';
import {DIRECTORY, FILE, Initramfs, moduleFiles, PROGRAM} from '../../helpers/initramfs.js';
import {folder} from '../../helpers/lab.js';
import {findGuest, type Guest} from '../../helpers/qemu.js';

type Seen = Record<'read' | 'unbound' | 'again', TraceEvent[]> &
	Record<'before' | 'during' | 'after', string[]> & {
		began: number;
		ended: number;
		device: string;
		missed: number;
		lost?: string;
	};

const guest = findGuest();
const options = {timeout: 240_000, skip: typeof guest === 'string' && guest};

const script = (modules: readonly string[]) => `#!/bin/busybox sh
/bin/busybox --install /bin
mount -t devtmpfs none /dev
mount -t sysfs none /sys
mount -t proc none /proc
mount -t tracefs none /sys/kernel/tracing
for module in ${modules.join(' ')}; do insmod /lib/modules/$module; done
until [ -b /dev/nvme0n1 ]; do usleep 10000; done
mkdir /sys/kernel/tracing/instances/dmascope-99999
PATH=/bin:/usr/bin node /trace.mjs
poweroff -f
`;

function initramfs({busybox, modules}: Guest): Buffer {
	const [program] = buildSync({
		entryPoints: [path.resolve(import.meta.dirname, '../../helpers/trace-program.ts')],
		bundle: true,
		platform: 'node',
		format: 'esm',
		write: false,
	}).outputFiles;
	const files = new Initramfs();
	for (const name of ['dev', 'sys', 'proc', 'tmp']) files.add(name, DIRECTORY);
	files.add('bin/busybox', PROGRAM, fs.readFileSync(busybox));
	files.program('usr/bin/node', process.execPath);
	files.add('trace.mjs', FILE, program.contents);
	const needed = moduleFiles(modules, ['nvme']);
	for (const file of needed) files.add(`lib/modules/${path.basename(file)}`, FILE, fs.readFileSync(file));
	files.add('init', PROGRAM, Buffer.from(script(needed.map(file => path.basename(file)))));
	return files.cpio();
}

test('a real kernel is traced, and left unchanged', options, async t => {
	assert.ok(typeof guest !== 'string');
	const initrd = path.join(folder(t), 'initrd');
	fs.writeFileSync(initrd, initramfs(guest));
	// biome-ignore format: a line for each option
	const {stdout} = await promisify(execFile)('setpriv', ['--pdeathsig', 'KILL', guest.qemu,
		'-machine', 'q35,kernel-irqchip=split', '-accel', 'tcg', '-smp', '1', '-m', '1G',
		'-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio',
		'-cpu', 'max,vendor=GenuineIntel', '-device', 'intel-iommu,intremap=on',
		'-drive', 'if=none,id=d0,driver=null-co,size=64M', '-device', 'nvme,drive=d0,serial=1',
		'-kernel', guest.kernel, '-initrd', initrd,
		'-append', 'console=ttyS0 quiet panic=-1 no_timer_check intel_iommu=on iommu.strict=1',
	], {timeout: 200_000, killSignal: 'SIGKILL'});
	const [, json] = /^SEEN (.*)$/m.exec(stdout) ?? [];
	assert.ok(json, stdout.slice(-2000));
	const seen: Seen = JSON.parse(json);

	assert.equal(seen.missed, 0);
	assert.equal(seen.lost, undefined);
	assert.deepEqual(seen.before, ['dmascope-99999']);
	assert.equal(seen.during.length, 1);
	assert.notDeepEqual(seen.during, seen.before);
	assert.deepEqual(seen.after, []);

	// dd has read 16 pieces of 16 KiB, each of which was mapped in one part or more, and unmapped whole.
	const mapped = new Map<string, number>();
	for (const event of seen.read) if (event.is === 'map') mapped.set(hexHalves(event.iova), event.bytes);
	const pieces = seen.read.filter(event => event.is === 'unmap' && event.bytes === 16384);
	assert.ok(pieces.length >= 16, JSON.stringify(seen.read));
	for (const event of pieces) {
		assert.ok(event.is === 'unmap');
		assert.equal(event.unmapped, 16384);
		assert.ok(mapped.has(hexHalves(event.iova)));
	}
	const all = [...seen.read, ...seen.unbound, ...seen.again];
	assert.ok(all.every(({at}, i) => at >= (all[i - 1]?.at ?? seen.began) && at <= seen.ended));

	assert.ok(seen.unbound.some(({is}) => is === 'unmap'));
	const others = seen.again.filter(({is}) => is !== 'map' && is !== 'unmap');
	assert.deepEqual(
		others.map(event => ('device' in event ? [event.is, event.device] : [])),
		[
			['group', seen.device],
			['group', seen.device],
			['attach', seen.device],
		],
	);
});
