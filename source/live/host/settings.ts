// The kernel's settings and the machine's abilities: command line, module parameters, processor.

import {LISTING_MARK} from './listing.js';
import type {Tree} from './tree.js';

export type Settings = {
	/** Such as 6.1.0-56-amd64. */
	release: string | undefined;
	/** Only the words of the kernel's command line that concern IOMMUs. */
	words: readonly string[];
	vendor: 'Intel' | 'AMD' | undefined;
	/** The processor has hardware virtualization, so the machine most likely has an IOMMU. */
	virtualization: boolean;
	/** Bits of a physical address of the processor. */
	cpuBits?: number;
	/** The machine is a guest. */
	guest: boolean;
	container: boolean;
	/** ACPI has a table that describes IOMMUs: DMAR (VT-d) or IVRS (AMD-Vi). */
	table: 'DMAR' | 'IVRS' | undefined;
	/** vfio accepts groups without interrupt remapping. */
	unsafeInterrupts: boolean;
	/** vfio offers devices without an IOMMU. */
	noIommuMode: boolean;
	/** All that is known is a listing of groups; with or without the drivers. */
	listing?: 'drivers' | 'names';
};

const WORD =
	/^((intel_|amd_)?iommu(\.(passthrough|strict|forcedac))?|intremap|pcie_acs_override|pci|iommu_debug|vfio[\w.-]*)(=.*)?$/;
const CONTAINERS = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'];
const PARAMETERS = '/sys/module';

export function readSettings(tree: Tree): Settings {
	const cpu = tree.read('/proc/cpuinfo', keepVirtualization, 65536) ?? '';
	const flags = new Set(/^flags: (.*)$/m.exec(cpu)?.[1].split(' '));
	const [, bits] = /^address sizes\s*: (\d+) bits/m.exec(cpu) ?? [];
	const table = (['DMAR', 'IVRS'] as const).find(name => tree.exists(`/sys/firmware/acpi/tables/${name}`));
	const mark = tree.read(LISTING_MARK);
	const isOn = (parameter: string) => tree.read(`${PARAMETERS}/${parameter}`) === 'Y';
	return {
		release: /^[\w.+~-]{1,80}$/.exec(tree.read('/proc/sys/kernel/osrelease') ?? '')?.[0],
		words: tree.read('/proc/cmdline', keepIommuWords)?.split(' ').filter(Boolean) ?? [],
		vendor: cpu.includes('GenuineIntel') ? 'Intel' : cpu.includes('AuthenticAMD') ? 'AMD' : undefined,
		virtualization: flags.has('vmx') || flags.has('svm'),
		...(bits === undefined ? {} : {cpuBits: Number(bits)}),
		guest: flags.has('hypervisor'),
		container: CONTAINERS.filter(file => tree.exists(file)).length > 0,
		table,
		unsafeInterrupts: isOn('vfio_iommu_type1/parameters/allow_unsafe_interrupts'),
		noIommuMode: isOn('vfio/parameters/enable_unsafe_noiommu_mode'),
		...(mark === undefined ? {} : {listing: mark === 'drivers' ? 'drivers' : 'names'}),
	};
}

const keepIommuWords = (text: string): string =>
	text
		.split(/\s+/)
		.filter(word => WORD.test(word))
		// pci= takes a list of settings; only acs concerns isolation.
		.filter(word => !word.startsWith('pci=') || word.includes('acs'))
		.join(' ');

/** Keep the first processor's vendor, three of its flags and the width of its addresses. */
function keepVirtualization(text: string): string {
	const vendor = /^vendor_id\s*: (\w+)/m.exec(text)?.[1] ?? '';
	const flags = /^flags\s*: (.*)$/m.exec(text)?.[1].split(' ') ?? [];
	const wanted = flags.filter(flag => ['vmx', 'svm', 'hypervisor'].includes(flag));
	const sizes = /^address sizes\s*: \d+ bits physical/m.exec(text)?.[0];
	return `vendor_id: ${vendor}\nflags: ${wanted.join(' ')}\n${sizes === undefined ? '' : `${sizes}\n`}`;
}
