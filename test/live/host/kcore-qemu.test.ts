// The real thing: dmascope host in a Linux guest reads the tables out of its own kernel's memory, and dmascope qemu reads
// them from outside: the same, page for page. One device is a VM's. Needs what .ci/guest fetches.

import assert from 'node:assert/strict';
import {type ChildProcess, execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import {describe, type TestContext, test} from 'node:test';
import {promisify} from 'node:util';
import {gunzipSync} from 'node:zlib';
import {buildSync} from 'esbuild';
import {DIRECTORY, FILE, Initramfs, moduleFiles, PROGRAM} from '../../helpers/initramfs.js';
import {folder} from '../../helpers/lab.js';
import {CLI} from '../../helpers/program.js';
import {findGuest, type Guest} from '../../helpers/qemu.js';

const guest = findGuest();
/** Booting takes most of a minute of one processor, and several on a loaded machine. */
const options = {timeout: 600_000, skip: typeof guest === 'string' && guest};
/** Debian's QEMU has its accelerators as modules. */
const TCG = '/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so';
/** As for fuzz tests: DMASCOPE_FUZZ asks for more. */
const LONG = process.env.DMASCOPE_FUZZ !== undefined;
/** An emulated machine takes half a second for one. */
const LOOKS = LONG ? 100 : 30;
const MODULES = ['nvme', 'virtio_pci', 'virtio_blk', 'e1000', 'e1000e', 'vfio_pci', 'vfio_iommu_type1'];
const VM_PAGES = 16_384;

const script = (modules: readonly string[]) => `#!/bin/busybox sh
/bin/busybox --install /bin
mount -t devtmpfs none /dev
mount -t sysfs none /sys
mount -t proc none /proc
mount -t securityfs none /sys/kernel/security
for module in ${modules.join(' ')}; do insmod /lib/modules/$module; done
until [ -b /dev/nvme0n1 ] && [ -b /dev/vda ]; do usleep 10000; done
echo always > /sys/kernel/mm/transparent_hugepage/enabled
echo 4096 > /sys/block/vda/queue/max_sectors_kb
ip link set eth0 up
export PATH=/bin:/usr/bin PAGER=
echo Y > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts
card=0000:01:00.0
echo vfio-pci > /sys/bus/pci/devices/$card/driver_override
[ ! -e /sys/bus/pci/devices/$card/driver ] || echo $card > /sys/bus/pci/devices/$card/driver/unbind
echo $card > /sys/bus/pci/drivers_probe
grep -q no_vm /proc/cmdline || {
qemu-system-x86_64 -name web -machine q35 -accel tcg -S -nodefaults -display none -m 64M \\
	-device vfio-pci,host=01:00.0,rombar=0 &
until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q '/dev/vfio/[0-9]'; do usleep 100000; done
}
sleep 1
sync
node /dmascope/cli.js host --json > /host.json
echo HOST; gzip -c /host.json | base64; echo END
read -r go
node /program.mjs ${LOOKS}
poweroff -f
`;

function initramfs({busybox, modules, qemu}: Guest): Buffer {
	const [program] = buildSync({
		entryPoints: [path.resolve(import.meta.dirname, '../../helpers/kcore-program.ts')],
		bundle: true,
		platform: 'node',
		format: 'esm',
		write: false,
	}).outputFiles;
	const files = new Initramfs();
	for (const name of ['dev', 'sys', 'proc', 'tmp', 'etc']) files.add(name, DIRECTORY);
	files.add('bin/busybox', PROGRAM, fs.readFileSync(busybox));
	files.program('usr/bin/node', process.execPath);
	files.program('usr/bin/qemu-system-x86_64', qemu);
	const data = ['/usr/share/seabios/bios-256k.bin', '/usr/share/qemu/kvmvapic.bin', TCG];
	for (const file of data) files.add(file.slice(1), FILE, fs.readFileSync(file));
	files.add('program.mjs', FILE, program.contents);
	const dist = path.dirname(CLI);
	files.add(
		'dmascope/package.json',
		FILE,
		Buffer.from('{"name": "dmascope", "version": "0.0.0", "type": "module"}'),
	);
	for (const name of fs.readdirSync(dist).filter(each => each.endsWith('.js')))
		files.add(`dmascope/${name}`, FILE, fs.readFileSync(path.join(dist, name)));
	const needed = moduleFiles(modules, MODULES);
	for (const file of needed) files.add(`lib/modules/${path.basename(file)}`, FILE, fs.readFileSync(file));
	files.add('init', PROGRAM, Buffer.from(script(needed.map(file => path.basename(file)))));
	return files.cpio();
}

/** `vm`: a QEMU in the guest has the card, and maps its memory for it. `long`: only where tests may take long. */
type Machine = {iommu: string; cpu: string; parameters: string; vm?: true; long?: true};
const MACHINES: Record<string, Machine> = {
	'VT-d': {
		iommu: 'intel-iommu,intremap=on,aw-bits=48',
		cpu: 'max,vendor=GenuineIntel',
		parameters: 'intel_iommu=on',
		vm: true,
	},
	'VT-d in scalable mode': {
		iommu: 'intel-iommu,intremap=on,aw-bits=48,x-scalable-mode=on',
		cpu: 'max,vendor=GenuineIntel',
		parameters: 'intel_iommu=on,sm_on',
		vm: true,
		long: true,
	},
	'AMD-Vi': {iommu: 'amd-iommu', cpu: 'max,vendor=AuthenticAMD', parameters: 'amd_iommu=force_isolation'},
};

type Booted = {qemu: ChildProcess; qmp: string; until: (pattern: RegExp) => Promise<string>};

function boot(t: TestContext, {qemu: program, kernel}: Guest, initrd: string, machine: Machine): Booted {
	const place = folder(t);
	const [qmp, memory] = ['qmp', 'ram'].map(name => path.join(place, name));
	const disk = (id: string) => `if=none,id=${id},driver=null-co,size=64M,throttling.bps-total=${64 << 20}`;
	// biome-ignore format: a line for each option
	const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', program,
		'-machine', 'q35,memory-backend=m0,kernel-irqchip=split', '-accel', 'tcg', '-smp', '1', '-m', '1536M',
		'-object', `memory-backend-file,mem-path=${memory},share=on,id=m0,size=1536M`,
		'-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio',
		'-qmp', `unix:${qmp},server=on,wait=off`,
		'-cpu', machine.cpu, '-device', machine.iommu,
		'-drive', disk('d0'), '-device', 'nvme,id=nvme0,drive=d0,serial=1',
		'-drive', disk('d1'), '-device', 'virtio-blk-pci,id=vtblk0,drive=d1,disable-legacy=on,iommu_platform=on',
		'-netdev', 'hubport,id=n0,hubid=0', '-device', 'e1000,id=em0,netdev=n0,romfile=',
		'-device', 'pcie-root-port,id=p1,chassis=1,addr=6.0', '-device', 'e1000e,id=card,bus=p1,romfile=',
		'-kernel', kernel, '-initrd', initrd,
		'-append', `console=ttyS0 quiet panic=-1 no_timer_check iommu.passthrough=0 iommu.strict=1 ${machine.parameters}${machine.vm ? '' : ' no_vm'}`,
	]);
	t.after(async () => {
		if (qemu.exitCode !== null || qemu.signalCode !== null) return;
		qemu.kill('SIGKILL');
		await once(qemu, 'exit');
	});
	let console = '';
	const until = (pattern: RegExp) =>
		new Promise<string>((resolve, reject) => {
			const check = () => {
				const [, found] = pattern.exec(console) ?? [];
				if (found !== undefined) resolve(found);
			};
			qemu.stdout.on('data', check);
			qemu.on('exit', () => reject(new Error(`QEMU is gone; its console ends:\n${console.slice(-3000)}`)));
			check();
		});
	qemu.stdout.prependListener('data', (bytes: Buffer) => {
		console += bytes.toString().replaceAll('\r', '');
	});
	return {qemu, qmp, until};
}

type JsonRange = {iova: string; hpa: string; pages: number; read: boolean; write: boolean};
type JsonDomain = {id: number; vm: string | null; mappedPages: number; ranges: JsonRange[]};
type JsonHost = {
	domains: JsonDomain[];
	functions: {rid: string; domain: number | null; untranslated: boolean}[];
	gaps: {what: string}[];
};
type Pages = {id: number; vm?: string; pages: number}[];
type Seen = Record<'quiet' | 'restricted' | 'user' | 'confidentiality', Pages | string> & {
	looks: number;
	milliseconds: number;
	changed: number;
	wrong: string[];
	errors: string[];
};

/** Without the owners: from outside it is not known which pages are no memory. */
function joined(ranges: readonly JsonRange[]): JsonRange[] {
	const found: JsonRange[] = [];
	for (const {iova, hpa, pages, read, write} of ranges) {
		const last = found.at(-1);
		const continues =
			last !== undefined &&
			[last.iova, last.hpa].every(
				(start, i) => Number(start) + last.pages * 4096 === Number([iova, hpa][i]),
			) &&
			last.read === read &&
			last.write === write;
		if (continues) last.pages += pages;
		else found.push({iova, hpa, pages, read, write});
	}
	return found;
}

describe('a host’s tables, from its own memory', {concurrency: true}, () => {
	const initrd = {file: ''};
	for (const [name, machine] of Object.entries(MACHINES).filter(([, {long}]) => !long || LONG))
		test(`${name}: the same as from outside, also beside heavy map and unmap`, options, async t => {
			assert.ok(typeof guest !== 'string');
			if (initrd.file === '') {
				initrd.file = path.join(folder(t), 'initrd');
				fs.writeFileSync(initrd.file, initramfs(guest));
			}
			const {qemu, qmp, until} = boot(t, guest, initrd.file, machine);
			const text = await until(/HOST\n([A-Za-z0-9+/=\n]+)\nEND/);
			const inside: JsonHost = JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString());
			const {stdout} = await promisify(execFile)(process.execPath, [CLI, 'qemu', qmp, '--json'], {
				maxBuffer: 64 * 1024 * 1024,
			});
			const outside: {domains: JsonDomain[]; devices: JsonHost['functions']} = JSON.parse(stdout);
			const mapped = (domains: readonly JsonDomain[]) =>
				domains.map(({id, mappedPages, ranges}) => ({id, mappedPages, ranges: joined(ranges)}));
			const placed = (functions: JsonHost['functions']) =>
				functions.map(({rid, domain, untranslated}) => ({rid, domain, untranslated}));
			assert.deepEqual(mapped(inside.domains), mapped(outside.domains));
			assert.deepEqual(placed(inside.functions), placed(outside.devices));
			assert.ok(inside.domains.length >= 4);
			const vm = inside.domains.find(domain => domain.vm === 'web');
			assert.equal(vm !== undefined, machine.vm === true);
			if (vm !== undefined) {
				assert.equal(vm.ranges[0]?.iova, '0x00000000');
				assert.ok(vm.mappedPages >= VM_PAGES, `${vm.mappedPages} pages`);
			}
			assert.ok(!inside.gaps.some(({what}) => what.startsWith('page tables')));

			qemu.stdin?.write('go\n');
			const seen: Seen = JSON.parse(await until(/^SEEN (.*)\n/m));
			t.diagnostic(
				`${seen.milliseconds.toFixed(1)} ms a look, ${seen.changed} of ${seen.looks} differ from the one before`,
			);
			assert.deepEqual([seen.errors, seen.wrong], [[], []]);
			assert.ok(seen.changed >= 10, 'the disks map and unmap');
			// Addresses are hidden in kallsyms, and lockdown=integrity is on: all the same is seen.
			const {quiet, restricted} = seen;
			assert.ok(typeof restricted === 'object' && typeof quiet === 'object', `${restricted}`);
			assert.deepEqual(
				restricted.map(({id}) => id),
				quiet.map(({id}) => id),
			);
			assert.equal(seen.user, 'run as root: sudo dmascope host');
			assert.match(`${seen.confidentiality}`, /^boot without lockdown=confidentiality/);
		});
});
