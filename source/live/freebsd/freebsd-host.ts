// A captured FreeBSD host as plain data. The shapes are those of FreeBSD's sources (pciconf.c, procstat_files.c,
// bhyvectl.c); no capture of a running host has been seen.

import type {Source} from '../host/tree.js';
import {FOLDER} from './capture-script.js';

export type PciDevice = {
	/** The driver and unit, such as ppt0; none0 without a driver. */
	name: string;
	selector: string;
	product: string;
	kind: string;
	/** Whether its capabilities name FLR; undefined where they were not listed. */
	flr?: boolean;
};

/** A bhyve process: the VM's name, the raw disks that it has open, and whether it has /dev/pci open, as for passthru. */
export type BhyveProcess = {pid: number; vm: string; rawDisks: readonly string[]; passthru: boolean};

export type FreebsdHost = {
	/** 13.1-RELEASE-p3, of the running kernel. */
	release: string;
	osreldate?: number;
	sysctls: ReadonlyMap<string, string>;
	/** Selectors of the loader's pptdevs, as 4:0:0. */
	pptdevs: readonly string[];
	devices: readonly PciDevice[];
	processes: readonly BhyveProcess[];
	/** Names in /dev/vmm. */
	vms: readonly string[];
	/** Whether vmm.ko is loaded. */
	vmmLoaded: boolean;
	/** Names of the ACPI tables that describe IOMMUs. */
	acpi: readonly string[];
	/** Lines of the kernel's log about IOMMUs. */
	log: string;
	/** Text of ddb's show dmars, where it was saved. */
	ddb: string;
};

const LIMIT = 16 * 1024 ** 2;

export const isFreebsd = (source: Source): boolean => source.kind(`${FOLDER}/version`) === 'file';

export function readFreebsd(source: Source): FreebsdHost {
	const text = (name: string): string => source.read(`${FOLDER}/${name}`, LIMIT) ?? '';
	const lines = (name: string): string[] =>
		text(name)
			.split('\n')
			.map(line => line.trimEnd())
			.filter(line => line !== '');
	const sysctls = new Map(
		lines('sysctl').flatMap(line => {
			const [, name, value] = /^([\w.]+)(?:: |=)(.*)$/.exec(line) ?? [];
			return name === undefined ? [] : [[name, value] as const];
		}),
	);
	const osreldate = Number(sysctls.get('kern.osreldate'));
	const [, release = 'unknown release'] = lines('version');
	return {
		release,
		osreldate: Number.isInteger(osreldate) && osreldate > 0 ? osreldate : undefined,
		sysctls,
		pptdevs: pptdevsOf([...lines('kenv'), ...lines('loader.conf')]),
		devices: devicesOf(lines('pciconf')),
		processes: processesOf(lines('bhyve'), lines('files')),
		vms: lines('vms'),
		vmmLoaded: sysctls.has('hw.vmm.ppt.devices') || lines('kldstat').some(line => /\bvmm\.ko$/.test(line)),
		acpi: ['DMAR', 'IVRS'].filter(table => new RegExp(`^\\s*${table}:`, 'm').test(text('acpi'))),
		log: text('dmesg'),
		ddb: text('show-dmars').trim(),
	};
}

/** pptdevs="4/0/0 5/0/1", and pptdevs2, pptdevs3: vmm reads them all (vmm_is_pptdev). */
function pptdevsOf(lines: readonly string[]): string[] {
	const selectors = lines.flatMap(line => {
		const [, value = ''] = /^\s*pptdevs\d*\s*=\s*"?([^"#]*)"?/.exec(line) ?? [];
		return value.match(/\d+\/\d+\/\d+/g) ?? [];
	});
	return [...new Set(selectors.map(selector => selector.replaceAll('/', ':')))];
}

/** pciconf -lvc: a line for a device, and indented ones about it. */
function devicesOf(lines: readonly string[]): PciDevice[] {
	const devices: (PciDevice & {capabilities: number})[] = [];
	for (const line of lines) {
		const [, name, selector] = /^(\w+)@pci\d+:(\d+:\d+:\d+):/.exec(line) ?? [];
		if (name !== undefined) {
			devices.push({name, selector, product: '', kind: '', capabilities: 0});
			continue;
		}
		const device = devices.at(-1);
		if (device === undefined) continue;
		const [, field, value = ''] = /^\s+(vendor|device|class|subclass)\s*= '?(.*?)'?$/.exec(line) ?? [];
		if (field === 'vendor' || field === 'device') device.product = `${device.product} ${value}`.trim();
		else if (field === 'class' || field === 'subclass') device.kind = value;
		if (/^\s+cap [0-9a-f]{2}\[/.test(line)) {
			device.capabilities++;
			device.flr = device.flr === true || /\bFLR\b/.test(line);
		}
	}
	return devices.map(({capabilities, ...device}) => device);
}

/** A disk that GEOM hands to a driver with DMA. Volumes of ZFS and memory disks are copied by the CPU. */
const RAW =
	/^\/dev\/(?:ada|da|nda|nvd|vtbd|mmcsd|aacd|amrd|mfid|mfisyspd|gpt|gptid|diskid|label|ufsid|mirror|stripe)(?:\d|\/)/;

/** bhyve sets its title to the VM's name; procstat's last column is a path, and before it V is c for a device. */
function processesOf(titles: readonly string[], files: readonly string[]): BhyveProcess[] {
	return titles.flatMap(line => {
		const [, digits, vm] = /^\s*(\d+)\s+(?:\S*\/)?bhyve: (\S+)/.exec(line) ?? [];
		if (digits === undefined) return [];
		const paths = files.flatMap(each => {
			const [, pid, path] = /^\s*(\d+)\s+\S+\s+\S+\s+v\s+c\s.*\s(\/dev\/\S+)$/.exec(each) ?? [];
			return pid === digits ? [path] : [];
		});
		return [
			{
				pid: Number(digits),
				vm,
				rawDisks: [...new Set(paths.filter(path => RAW.test(path)))],
				passthru: paths.includes('/dev/pci'),
			},
		];
	});
}

/** Whether the running kernel has D34607, by kern.osreldate; undefined where that does not tell. */
export function hasFix({osreldate}: FreebsdHost): boolean | undefined {
	if (osreldate === undefined) return undefined;
	// 13.0-RELEASE is 1300139, 13.1-RELEASE 1301000, 14.0-RELEASE 1400097.
	if (osreldate <= 1300139) return osreldate >= 1200000 && osreldate < 1300000 ? undefined : false;
	if (osreldate >= 1301000 && osreldate < 1400000) return true;
	return osreldate >= 1400097 ? true : undefined;
}
