// Boots a Linux kernel in QEMU, in software (accel=tcg), far enough that it drives an NVMe disk, a virtio disk and
// a network card through its IOMMU. `.ci/guest` fetches the kernel.

import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {cpio, DIRECTORY, FILE, moduleFiles, PROGRAM} from './initramfs.js';
import {type Ends, folder} from './lab.js';

export type Guest = {qemu: string; kernel: string; modules: string; busybox: string};
/**
 * The -device of the IOMMU, and what the kernel is told about it; whether the memory is in a file that can be read; and
 * whether there is an edu device, whose DMA the guest sends twice a second to where nothing is mapped.
 */
export type MachineOptions = {iommu: string; parameters: string; shared?: boolean; faults?: boolean};
/**
 * QMP sockets, since each serves one client: for a test, and for what it tests. `again` starts another QEMU in the
 * place of one that has ended, and hands it over as soon as it runs.
 */
export type Booted = {
	qmp: string;
	other: string;
	memory: string;
	process: ChildProcess;
	again: () => ChildProcess;
};

/** Bits of an address. */
export const WIDTH = 48;
export const VTD: MachineOptions = {
	iommu: `intel-iommu,intremap=on,aw-bits=${WIDTH}`,
	parameters: 'intel_iommu=on',
};

/** Half of it lies above 4 GiB, where the kernel takes pages from first. */
const MEMORY = '512M';
const LOW_MEMORY = '256M';
/** A boot takes about 10 s of one processor. */
const BOOT_MS = 120_000;
const READY = 'the disks are being read';

/** QEMU alone, whose firmware boots from a disk. */
export const findQemu = (): string | undefined =>
	(process.env.PATH ?? '')
		.split(path.delimiter)
		.map(place => path.join(place, 'qemu-system-x86_64'))
		.find(file => fs.existsSync(file));

/** What is needed to boot, or a sentence that says what is missing. */
export function findGuest(): Guest | string {
	const qemu = findQemu();
	if (qemu === undefined) return 'QEMU is not installed: qemu-system-x86_64 is nowhere in PATH';
	const root = path.join(os.homedir(), '.cache/dmascope-test/guest');
	const boot = path.join(root, 'boot');
	const image = fs.existsSync(boot) && fs.readdirSync(boot).find(name => name.startsWith('vmlinuz-'));
	if (!image) return `no Linux kernel to boot is in ${root}: .ci/guest fetches one`;
	const under = (file: string) =>
		[root, path.join(root, 'usr')].map(place => path.join(place, file)).find(fs.existsSync);
	const modules = under(`lib/modules/${image.slice('vmlinuz-'.length)}`);
	const busybox = under('bin/busybox');
	if (modules === undefined || busybox === undefined)
		return `${root} is incomplete: remove it, and .ci/guest fetches it anew`;
	return {qemu, kernel: path.join(boot, image), modules, busybox};
}

/**
 * Boots a machine, whose disks are being read by the time it is handed over. It is gone with the test, whatever
 * happens.
 */
export async function boot(
	t: Ends,
	guest: Guest,
	{iommu, parameters, shared = true, faults = false}: MachineOptions,
): Promise<Booted> {
	const place = folder(t);
	const [qmp, other, memory] = ['qmp', 'other', 'ram'].map(name => path.join(place, name));
	const backend = shared ? `memory-backend-file,mem-path=${memory},share=on` : 'memory-backend-ram';
	const initrd = path.join(place, 'initrd');
	fs.writeFileSync(initrd, initramfs(guest));
	// Slow disks: a request, and what it maps, stays for a while.
	const disk = (id: string) => `if=none,id=${id},driver=null-co,size=64M,throttling.bps-total=${8 << 20}`;
	// On a busy machine the kernel would find its timer's interrupts missing and panic: it is told not to check.
	const append = `console=ttyS0 quiet panic=-1 no_timer_check iommu.passthrough=0 iommu.strict=1 ${parameters}`;
	// biome-ignore format: a line for each option
	const args = ['--pdeathsig', 'KILL', guest.qemu,
		'-machine', `q35,memory-backend=m0,kernel-irqchip=split,max-ram-below-4g=${LOW_MEMORY}`,
		'-accel', 'tcg', '-smp', '1', '-m', MEMORY,
		'-object', `${backend},id=m0,size=${MEMORY}`,
		'-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
		'-serial', 'stdio',
		'-qmp', `unix:${qmp},server=on,wait=off`, '-qmp', `unix:${other},server=on,wait=off`,
		'-device', iommu,
		'-drive', disk('d0'), '-device', 'nvme,id=nvme0,drive=d0,serial=1',
		'-drive', disk('d1'), '-device', 'virtio-blk-pci,id=vtblk0,drive=d1,disable-legacy=on,iommu_platform=on',
		'-netdev', 'hubport,id=n0,hubid=0', '-device', 'e1000,id=em0,netdev=n0,romfile=',
		...(faults ? ['-device', 'edu,id=edu0'] : []),
		'-kernel', guest.kernel, '-initrd', initrd,
		'-append', append,
	];
	const start = () => {
		const qemu = spawn('setpriv', args);
		t.after(() => end(qemu));
		return qemu;
	};
	const process = start();
	await report(process, READY);
	return {qmp, other, memory, process, again: start};
}

/** What edu's DMA is sent to: reads and writes by turns, each a page above the one before. */
export const FAULT_AT = 0xdea0000;
/**
 * Switches edu on, with bus mastering, and starts DMA between its buffer at 0x40000 and an address in memory: source,
 * destination, count and command are at 0x80 on (QEMU's docs/specs/edu).
 */
const EDU_FAULTS = `
	echo 1 > $function/enable
	printf '\\006' | dd of=$function/config bs=1 seek=4 conv=notrunc 2>/dev/null
	base=$(head -n 1 $function/resource | cut -d ' ' -f 1)
	at=${FAULT_AT}
	while :; do
		devmem $((base + 0x80)) 32 $at
		devmem $((base + 0x88)) 32 0x40000
		devmem $((base + 0x90)) 32 64
		devmem $((base + 0x98)) 32 1
		usleep 500000
		devmem $((base + 0x80)) 32 0x40000
		devmem $((base + 0x88)) 32 $((at + 4096))
		devmem $((base + 0x98)) 32 3
		usleep 500000
		at=$((at + 8192))
	done`;

/** Loads the drivers, then reads both disks for ever with O_DIRECT, in pieces large enough for 2 MiB pages. */
function initramfs({modules, busybox}: Guest): Buffer {
	const files = moduleFiles(modules, ['nvme', 'virtio_pci', 'virtio_blk', 'e1000']);
	const script = `#!/bin/busybox sh
/bin/busybox --install /bin
mount -t devtmpfs none /dev
mount -t sysfs none /sys
for module in ${files.map(file => path.basename(file)).join(' ')}; do insmod /lib/$module; done
ip link set eth0 up
echo always > /sys/kernel/mm/transparent_hugepage/enabled
until [ -b /dev/nvme0n1 ] && [ -b /dev/vda ]; do usleep 10000; done
echo 4096 > /sys/block/vda/queue/max_sectors_kb
for disk in nvme0n1 vda; do
	while :; do dd if=/dev/$disk of=/dev/null bs=8M iflag=direct 2>/dev/null; done &
	until grep -q '[1-9]' /sys/block/$disk/inflight; do usleep 10000; done
done
for function in /sys/bus/pci/devices/*; do
	[ $(cat $function/vendor)$(cat $function/device) = 0x12340x11e8 ] || continue
	${EDU_FAULTS}
done &
echo ${READY}
wait
`;
	const content = (file: string) => fs.readFileSync(file);
	return cpio([
		...['bin', 'dev', 'lib', 'sys'].map(name => ({name, mode: DIRECTORY})),
		{name: 'bin/busybox', mode: PROGRAM, content: content(busybox)},
		...files.map(file => ({name: `lib/${path.basename(file)}`, mode: FILE, content: content(file)})),
		{name: 'init', mode: PROGRAM, content: Buffer.from(script)},
	]);
}

/** Waits for a line on the serial console. */
async function report(qemu: ChildProcess, line: string): Promise<void> {
	let console = '';
	const {promise, resolve, reject} = Promise.withResolvers<void>();
	const fail = (what: string) => reject(new Error(`${what}; its console ends:\n${console.slice(-2000)}`));
	const timer = setTimeout(() => fail(`the guest has not booted in ${BOOT_MS / 1000} s`), BOOT_MS);
	const listen = (bytes: Buffer) => {
		console += bytes;
		if (console.includes(line)) resolve();
	};
	qemu.stdout?.on('data', listen);
	qemu.stderr?.on('data', listen);
	qemu.on('error', error => fail(error.message));
	qemu.on('exit', (code, signal) => fail(`QEMU is gone (${signal ?? code})`));
	await promise.finally(() => clearTimeout(timer));
}

async function end(qemu: ChildProcess): Promise<void> {
	if (qemu.exitCode !== null || qemu.signalCode !== null || qemu.pid === undefined) return;
	qemu.kill('SIGKILL');
	await once(qemu, 'exit');
}
