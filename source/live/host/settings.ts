// What the kernel was told, and what the machine might have: the command line, module parameters, the processor.

import type {Tree} from './tree.js';

export type Settings = {
	/** Such as 6.1.0-56-amd64. */
	release: string | undefined;
	/** The words of the kernel's command line that are about IOMMUs, and no others. */
	words: readonly string[];
	vendor: 'Intel' | 'AMD' | undefined;
	/** The processor has hardware virtualization, and so most probably an IOMMU beside it. */
	virtualization: boolean;
	/** The machine is a guest itself. */
	guest: boolean;
	container: boolean;
	/** ACPI has a table that describes IOMMUs: DMAR (VT-d) or IVRS (AMD-Vi). */
	table: 'DMAR' | 'IVRS' | undefined;
	/** vfio takes groups though interrupts are not remapped. */
	unsafeInterrupts: boolean;
	/** vfio hands out devices that no IOMMU holds back. */
	noIommuMode: boolean;
};

const WORD =
	/^((intel_|amd_)?iommu(\.(passthrough|strict|forcedac))?|intremap|pcie_acs_override|pci|iommu_debug|vfio[\w.-]*)(=.*)?$/;
const CONTAINERS = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'];
const PARAMETERS = '/sys/module';

export function readSettings(tree: Tree): Settings {
	const cpu = tree.read('/proc/cpuinfo', aboutVirtualization, 65536) ?? '';
	const flags = new Set(/^flags: (.*)$/m.exec(cpu)?.[1].split(' '));
	const table = (['DMAR', 'IVRS'] as const).find(name => tree.exists(`/sys/firmware/acpi/tables/${name}`));
	const isOn = (parameter: string) => tree.read(`${PARAMETERS}/${parameter}`) === 'Y';
	return {
		release: /^[\w.+~-]{1,80}$/.exec(tree.read('/proc/sys/kernel/osrelease') ?? '')?.[0],
		words: tree.read('/proc/cmdline', aboutIommus)?.split(' ').filter(Boolean) ?? [],
		vendor: cpu.includes('GenuineIntel') ? 'Intel' : cpu.includes('AuthenticAMD') ? 'AMD' : undefined,
		virtualization: flags.has('vmx') || flags.has('svm'),
		guest: flags.has('hypervisor'),
		container: CONTAINERS.filter(file => tree.exists(file)).length > 0,
		table,
		unsafeInterrupts: isOn('vfio_iommu_type1/parameters/allow_unsafe_interrupts'),
		noIommuMode: isOn('vfio/parameters/enable_unsafe_noiommu_mode'),
	};
}

const aboutIommus = (text: string): string =>
	text
		.split(/\s+/)
		.filter(word => WORD.test(word))
		// pci= has a list of settings, of which one is about isolation.
		.filter(word => !word.startsWith('pci=') || word.includes('acs'))
		.join(' ');

/** Of the first processor, who made it and three flags. */
function aboutVirtualization(text: string): string {
	const vendor = /^vendor_id\s*: (\w+)/m.exec(text)?.[1] ?? '';
	const flags = /^flags\s*: (.*)$/m.exec(text)?.[1].split(' ') ?? [];
	const wanted = flags.filter(flag => ['vmx', 'svm', 'hypervisor'].includes(flag));
	return `vendor_id: ${vendor}\nflags: ${wanted.join(' ')}\n`;
}
