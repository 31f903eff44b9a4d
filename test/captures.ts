// npm run captures: boots two machines in QEMU, one with VT-d and one with AMD-Vi, gives some of their devices to VMs,
// and has dmascope host keep what it reads there: test/live/host/intel.tar and amd.tar. The kernel is real, and so are
// the program, vfio, and the VMs, which are QEMUs in QEMU. Needs what .ci/guest fetches.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {gunzipSync} from 'node:zlib';
import {DIRECTORY, FILE, Initramfs, moduleFiles, PROGRAM} from './helpers/initramfs.js';
import {findGuest, type Guest} from './helpers/qemu.js';

const TARGET = path.resolve(import.meta.dirname, 'live/host');
const DIST = path.resolve(import.meta.dirname, '../dist');
/** Debian's QEMU has its accelerators as modules. */
const TCG = '/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so';
const BOOT_MS = 400_000;

type Machine = {name: string; parameters: string; options: string[]; script: string};

/**
 * 00:1f.x: the chipset, a group of three. 01: a network card, which VM web has. 02: an NVMe controller with vfio,
 * beside a network card with the host, in one group. 04: two network cards behind a bridge, which a program has.
 */
const INTEL: Machine = {
	name: 'intel',
	parameters: 'intel_iommu=on',
	// biome-ignore format: a line for each option
	options: [
		'-cpu', 'max,vendor=GenuineIntel', '-device', 'intel-iommu,intremap=on',
		'-device', 'pcie-root-port,id=p1,chassis=1,addr=2.0',
		'-device', 'e1000e,bus=p1,romfile=',
		'-device', 'pcie-root-port,id=p2,chassis=2,addr=3.0',
		'-drive', 'if=none,id=d0,driver=null-co,size=64M',
		'-device', 'nvme,bus=p2,addr=0.0,multifunction=on,drive=d0,serial=1',
		'-device', 'e1000e,bus=p2,addr=0.1,romfile=',
		'-device', 'pcie-pci-bridge,id=b0,addr=4.0',
		'-device', 'e1000,bus=b0,addr=1.0,romfile=', '-device', 'e1000,bus=b0,addr=2.0,romfile=',
		'-device', 'qemu-xhci,addr=5.0',
	],
	script: `
give 0000:01:00.0; vm web,debug-threads=on 01:00.0
give 0000:02:00.0
give 0000:03:01.0; give 0000:03:02.0; hold 0000:03:01.0`,
};

/** Pass-through for the host's own devices. VM db has a network card; an NVMe controller waits for one. */
const AMD: Machine = {
	name: 'amd',
	parameters: 'iommu=pt',
	// biome-ignore format: a line for each option
	options: [
		'-cpu', 'max,vendor=AuthenticAMD', '-device', 'amd-iommu',
		'-device', 'pcie-root-port,id=p1,chassis=1,addr=3.0',
		'-device', 'e1000e,bus=p1,romfile=',
		'-device', 'pcie-root-port,id=p2,chassis=2,addr=4.0',
		'-drive', 'if=none,id=d0,driver=null-co,size=64M',
		'-device', 'nvme,bus=p2,drive=d0,serial=1',
		'-device', 'qemu-xhci,addr=5.0',
	],
	script: `
echo Y > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts
give 0000:01:00.0; vm db 01:00.0
give 0000:02:00.0`,
};

/**
 * A switch with two network cards behind it, a third card on a root port of its own, and two behind a conventional bridge. lspci says which ACS bits each port has:
 * switch.lspci.txt. Some are switched off by hand.
 */
const SWITCH: Machine = {
	name: 'switch',
	parameters: 'intel_iommu=on',
	// biome-ignore format: a line for each option
	options: [
		'-cpu', 'max,vendor=GenuineIntel', '-device', 'intel-iommu,intremap=on',
		'-device', 'pcie-root-port,id=p1,chassis=1,addr=2.0',
		'-device', 'x3130-upstream,id=up,bus=p1',
		'-device', 'xio3130-downstream,id=d1,bus=up,chassis=11,slot=1',
		'-device', 'xio3130-downstream,id=d2,bus=up,chassis=12,slot=2',
		'-device', 'e1000e,bus=d1,romfile=', '-device', 'e1000e,bus=d2,romfile=',
		'-device', 'pcie-root-port,id=p2,chassis=2,addr=3.0',
		'-device', 'e1000e,bus=p2,romfile=',
		'-device', 'pcie-pci-bridge,id=b0,addr=4.0',
		'-device', 'e1000,bus=b0,addr=1.0,romfile=', '-device', 'e1000,bus=b0,addr=2.0,romfile=',
	],
	script: `
[ -e /usr/bin/lspci ] && { echo LSPCI; lspci -D -vvv; echo LSPCI; }`,
};

const MODULES = ['nvme', 'e1000e', 'e1000', 'ahci', 'xhci_pci', 'vfio_pci', 'vfio_iommu_type1'];

const script = (modules: readonly string[], machine: Machine) => `#!/bin/busybox sh
/bin/busybox --install /bin
mount -t devtmpfs none /dev
mount -t sysfs none /sys
mount -t proc none /proc
mount -t debugfs none /sys/kernel/debug
for module in ${modules.join(' ')}; do insmod /lib/modules/$module; done
sleep 2
give() {
	echo vfio-pci > /sys/bus/pci/devices/$1/driver_override
	[ ! -e /sys/bus/pci/devices/$1/driver ] || echo $1 > /sys/bus/pci/devices/$1/driver/unbind
	echo $1 > /sys/bus/pci/drivers_probe
}
until_held() { until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q "/dev/vfio/$1\\$"; do sleep 1; done; }
group() { basename $(readlink /sys/bus/pci/devices/$1/iommu_group); }
vm() {
	qemu-system-x86_64 -name $1 -machine q35 -accel tcg -S -nodefaults -display none -m 64M \\
		-device vfio-pci,host=$2,rombar=0 &
	until_held $(group 0000:$2)
}
hold() {
	sh -c "exec 3<>/dev/vfio/$(group $1); while :; do sleep 1000; done" &
	until_held $(group $1)
}
export PATH=/bin:/usr/bin PAGER=
${machine.script}
sleep 1
node /dmascope/cli.js host | cat
node /dmascope/cli.js host --capture /capture.tar
echo CAPTURE; gzip -c /capture.tar | base64; echo END
poweroff -f
`;

function initramfs(guest: Guest, machine: Machine): Buffer {
	const files = new Initramfs();
	for (const folder of ['dev', 'sys', 'proc', 'tmp', 'etc']) files.add(folder, DIRECTORY);
	files.add('bin/busybox', PROGRAM, fs.readFileSync(guest.busybox));
	files.program('usr/bin/node', process.execPath);
	files.program('usr/bin/qemu-system-x86_64', guest.qemu);
	const data = ['/usr/share/seabios/bios-256k.bin', '/usr/share/qemu/kvmvapic.bin', TCG];
	for (const file of data) files.add(file.slice(1), FILE, fs.readFileSync(file));
	const lspci = ['/usr/bin/lspci', '/usr/sbin/lspci'].find(file => fs.existsSync(file));
	if (lspci !== undefined) files.program('usr/bin/lspci', lspci);
	const ids = path.join(os.homedir(), '.cache/dmascope-test/guest/usr/share/misc/pci.ids');
	if (fs.existsSync(ids)) files.add('usr/share/misc/pci.ids', FILE, fs.readFileSync(ids));
	files.add(
		'dmascope/package.json',
		FILE,
		Buffer.from('{"name": "dmascope", "version": "0.0.0", "type": "module"}'),
	);
	for (const name of fs.readdirSync(DIST).filter(each => each.endsWith('.js')))
		files.add(`dmascope/${name}`, FILE, fs.readFileSync(path.join(DIST, name)));
	const modules = moduleFiles(guest.modules, MODULES);
	for (const file of modules) files.add(`lib/modules/${path.basename(file)}`, FILE, fs.readFileSync(file));
	files.add(
		'init',
		PROGRAM,
		Buffer.from(
			script(
				modules.map(file => path.basename(file)),
				machine,
			),
		),
	);
	return files.cpio();
}

type Taken = {tar: Buffer; lspci?: string};

async function boot(guest: Guest, machine: Machine): Promise<Taken> {
	const place = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-capture-'));
	try {
		const initrd = path.join(place, 'initrd');
		fs.writeFileSync(initrd, initramfs(guest, machine));
		// biome-ignore format: a line for each option
		const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', guest.qemu,
			'-machine', 'q35,kernel-irqchip=split', '-accel', 'tcg', '-smp', '1', '-m', '3G',
			'-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio',
			...machine.options,
			'-kernel', guest.kernel, '-initrd', initrd,
			'-append', `console=ttyS0 quiet panic=-1 no_timer_check ${machine.parameters}`,
		]);
		let console = '';
		qemu.stdout.on('data', bytes => {
			console += bytes;
			if (process.env.VERBOSE) process.stdout.write(bytes);
		});
		qemu.stderr.pipe(process.stderr);
		const late = setTimeout(() => qemu.kill('SIGKILL'), BOOT_MS);
		await once(qemu, 'exit').finally(() => clearTimeout(late));
		const [, text] = /\nCAPTURE\r?\n([\s\S]*?)END/.exec(console) ?? [];
		if (text === undefined)
			throw new Error(`There is no capture; the console ends:\n${console.slice(-3000)}`);
		const [, lspci] = /\nLSPCI\r?\n([\s\S]*?)\nLSPCI/.exec(console) ?? [];
		return {
			tar: gunzipSync(Buffer.from(text, 'base64')),
			...(lspci === undefined ? {} : {lspci: isolationLines(lspci)}),
		};
	} finally {
		fs.rmSync(place, {recursive: true});
	}
}

/** Of lspci -vvv the functions, and the lines about ACS and the kind of port. */
const isolationLines = (text: string): string =>
	text
		.split(/\r?\n/)
		.filter(line => /^[0-9a-f]{4}:|Express \(|ACSC(ap|tl)|Access Control/.test(line))
		.map(line => `${line}\n`)
		.join('');

const guest = findGuest();
if (typeof guest === 'string') throw new Error(guest);
fs.mkdirSync(TARGET, {recursive: true});
for (const machine of [INTEL, AMD, SWITCH]) {
	const wanted = process.argv[2] ?? machine.name;
	if (wanted !== machine.name) continue;
	const {tar, lspci} = await boot(guest, machine);
	if (lspci !== undefined && machine === SWITCH)
		fs.writeFileSync(path.join(TARGET, 'switch.lspci.txt'), lspci);
	fs.writeFileSync(path.join(TARGET, `${machine.name}.tar`), tar);
	console.log(`test/live/host/${machine.name}.tar: ${tar.length} bytes`);
}
