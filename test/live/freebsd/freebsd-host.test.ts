// The capture script under sh, with tools that print what FreeBSD's would (formats of pciconf.c, procstat_files.c, ps(1)),
// and what dmascope makes of it.

import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {captureScript} from '../../../source/cli/capture-script.js';
import {FREEBSD_SCRIPT} from '../../../source/live/freebsd/capture-script.js';
import {freebsdFindings} from '../../../source/live/freebsd/freebsd-findings.js';
import {type FreebsdHost, hasFix, isFreebsd, readFreebsd} from '../../../source/live/freebsd/freebsd-host.js';
import {FreebsdMachine, freebsdJson} from '../../../source/live/freebsd/freebsd-machine.js';
import {treeAt} from '../../../source/live/host/capture.js';
import {hostLines} from '../../../source/live/host/report.js';
import {lineText, printTo} from '../../../source/text/print.js';
import {UserError} from '../../../source/user-error.js';
import {folder} from '../../helpers/lab.js';

const PCICONF = `ahci0@pci0:0:31:2:	class=0x010601 rev=0x02 hdr=0x00 vendor=0x8086 device=0x2922 subvendor=0x1af4 subdevice=0x1100
    vendor     = 'Intel Corporation'
    device     = '82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]'
    class      = mass storage
    subclass   = SATA
    cap 05[80] = MSI supports 1 message, 64 bit enabled with 1 message
ppt0@pci0:4:0:0:	class=0x020000 rev=0x01 hdr=0x00 vendor=0x8086 device=0x1521 subvendor=0x8086 subdevice=0x0001
    vendor     = 'Intel Corporation'
    device     = 'I350 Gigabit Network Connection'
    class      = network
    subclass   = ethernet
    cap 10[a0] = PCI-Express 2 endpoint max data 256(512) FLR RO NS
    ecap 0003[140] = Serial 1 0025900000aaaaaa
ppt1@pci0:5:0:0:	class=0x0c0330 rev=0x03 hdr=0x00 vendor=0x1912 device=0x0014 subvendor=0xffff subdevice=0xffff
    vendor     = 'Renesas Technology Corp.'
    device     = 'uPD720201 USB 3.0 Host Controller'
    class      = serial bus
    subclass   = USB
    cap 10[a0] = PCI-Express 2 endpoint max data 128(128) RO NS
igb1@pci0:4:0:1:	class=0x020000 rev=0x01 hdr=0x00 vendor=0x8086 device=0x1521 subvendor=0x8086 subdevice=0x0001
    vendor     = 'Intel Corporation'
    device     = 'I350 Gigabit Network Connection'
    class      = network
    subclass   = ethernet
`;
const PROCSTAT = `  993 bhyve            text v r r-------   -       - -   /usr/sbin/bhyve
  993 bhyve               3 v c rw------   1       0 -   /dev/vmm/vm0
  993 bhyve               5 v c rw------   1       0 -   /dev/ada1p2
  993 bhyve               6 v c rw------   1       0 -   /dev/pci
  993 bhyve               7 v c rw------   1       0 -   /dev/zvol/tank/spare
`;

const TOOLS = (osreldate: number): Record<string, string> => ({
	uname: 'case $1 in -s) echo FreeBSD;; -r) echo 13.0-RELEASE-p4;; *) echo amd64;; esac',
	'freebsd-version': 'echo 13.0-RELEASE-p4',
	pciconf: `cat <<'X'\n${PCICONF}X`,
	sysctl: `cat <<'X'\nkern.osreldate: ${osreldate}\nhw.vmm.ppt.devices: 2\nhw.vmm.iommu.initialized: 1\nhw.vmm.iommu.enable: 1\nX`,
	kenv: `cat <<'X'\npptdevs="4/0/0 4/0/1 9/0/0"\nsmbios.system.serial="SECRET"\nX`,
	kldstat: 'echo " 5    1 0xffffffff82b1a000   563628 vmm.ko"',
	dmesg: 'echo "ppt0 mem 0xf7c00000-0xf7cfffff at device 0.0 on pci4"; echo "hostname secret"',
	acpidump: `cat <<'X'\n/*\n  DMAR: Length=184, Revision=1, Checksum=72,\n	OEMID=INTEL\n */\nX`,
	ps: 'echo "  993 bhyve: vm0 (bhyve)"; echo "  994 bhyve: vm1 (bhyve)"; echo " 1200 sshd: secret"',
	procstat: `[ "$3" = 993 ] && cat <<'X'\n${PROCSTAT}X\ntrue`,
	bhyvectl: 'echo "Address     Length      Segment     Offset      Prot        Flags"',
});

/** Runs the script with such tools. @returns the capture's path */
function captured(t: TestContext, osreldate = 1300139): string {
	const at = folder(t);
	const bin = path.join(at, 'bin');
	fs.mkdirSync(bin);
	for (const [name, body] of Object.entries(TOOLS(osreldate)))
		fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}\n`, {mode: 0o755});
	const script = path.join(at, 'capture.sh');
	fs.writeFileSync(script, FREEBSD_SCRIPT);
	const tar = path.join(at, 'host.tar');
	const run = () =>
		spawnSync('sh', [script, tar], {
			env: {PATH: `${bin}:${process.env.PATH}`, TMPDIR: at},
			encoding: 'utf8',
			cwd: at,
		});
	const {status, stderr} = run();
	assert.deepEqual([status, stderr], [0, '']);
	assert.deepEqual([run().status, fs.readdirSync(at).sort()], [2, ['bin', 'capture.sh', 'host.tar']]);
	return tar;
}

test('the script is printed as it is', () => {
	const written: string[] = [];
	const print = printTo({write: text => written.push(text)});
	assert.equal(captureScript(['freebsd'], print), 0);
	assert.equal(written.join(''), FREEBSD_SCRIPT);
	assert.throws(() => captureScript(['linux'], () => {}), UserError);
});

test('the script captures what dmascope reads, and nothing private', t => {
	const tar = captured(t);
	assert.doesNotMatch(fs.readFileSync(tar, 'latin1'), /secret|0025900000aaaaaa/i);
	const source = treeAt(tar)();
	assert.ok(isFreebsd(source));
	const host = readFreebsd(source);
	assert.equal(host.release, '13.0-RELEASE-p4');
	assert.equal(hasFix(host), false);
	assert.deepEqual(host.pptdevs, ['4:0:0', '4:0:1', '9:0:0']);
	assert.deepEqual(host.acpi, ['DMAR']);
	assert.deepEqual(
		host.devices.map(({name, flr}) => [name, flr]),
		[
			['ahci0', false],
			['ppt0', true],
			['ppt1', false],
			['igb1', undefined],
		],
	);
	assert.deepEqual(host.processes, [
		{pid: 993, vm: 'vm0', rawDisks: ['/dev/ada1p2'], passthru: true},
		{pid: 994, vm: 'vm1', rawDisks: [], passthru: false},
	]);
	assert.deepEqual(
		freebsdFindings(host).map(({id, severity}) => [id, severity]),
		[
			['pr-260178:vm0', 'error'],
			['pptdevs:4:0:1', 'warning'],
			['pptdevs:9:0:0', 'warning'],
			['unlisted:5:0:0', 'note'],
			['no-flr:ppt1', 'note'],
		],
	);
	const {host: facts} = new FreebsdMachine(host, 'x').state();
	const report = facts
		? hostLines(facts, undefined)
				.map(line => lineText(line))
				.join('\n')
		: '';
	assert.match(report, /dmascope host · FreeBSD 13\.0-RELEASE-p4 · without D34607/);
	assert.match(report, /✗ vm0 loses what it reads from \/dev\/ada1p2/);
	assert.match(report, /vm0 \(bhyve 993\): passthru; raw \/dev\/ada1p2/);
	assert.match(report, /tried on no running host/);
	assert.equal(freebsdJson(host).d34607, false);
});

test('what a release has is told where kern.osreldate tells it', t => {
	const host = readFreebsd(treeAt(captured(t, 1301000))());
	assert.equal(hasFix(host), true);
	const [first] = freebsdFindings(host);
	assert.deepEqual([first.id, first.severity], ['pr-260178:vm0', 'note']);
	const at = (osreldate?: number): FreebsdHost => ({...host, osreldate});
	assert.deepEqual(
		[1203000, 1300139, 1300500, 1301000, 1400050, 1400097, 1500000, undefined].map(date => hasFix(at(date))),
		[undefined, false, undefined, true, undefined, true, true, undefined],
	);
	const off = {
		...host,
		sysctls: new Map([
			['hw.vmm.amdvi.enable', '0'],
			['hw.vmm.amdvi.count', '1'],
			['hw.vmm.iommu.enable', '0'],
		]),
	};
	const ids = freebsdFindings({...off, acpi: ['IVRS'], vmmLoaded: false}).map(({id}) => id);
	for (const id of ['vmm', 'iommu-enable', 'amdvi-enable']) assert.ok(ids.includes(id), id);
	const faulting = {
		...host,
		log: 'ivhd0: EVT INTR 0 Status:0xa EVT Head:0x0 Tail:0x10]\n	[IO_PAGE_FAULT EVT: devId:0x20 DomId:0x0 Addr:0x2790000 0x20<RW>]\n',
	};
	assert.ok(freebsdFindings(faulting).some(({id}) => id === 'faults'));
});

test('a capture of anything is read without a failure', () => {
	const texts = [
		'',
		'\0\0',
		'ppt0@pci0:4:0:0:',
		' cap 10[a0] = FLR',
		'pptdevs="',
		'993 bhyve: vm0',
		' 993 x 5 v c rw 1 0 - /dev/ada0',
		'kern.osreldate: x',
	];
	for (const text of texts) {
		const source = {
			kind: () => 'file' as const,
			read: () => texts.join(`\n${text}\n`),
			list: () => undefined,
			link: () => undefined,
			refused: new Set<string>(),
		};
		const machine = new FreebsdMachine(readFreebsd(source), 'x');
		assert.ok(machine.state().host);
	}
});
