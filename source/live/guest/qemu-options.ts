// What QEMU is started with so that dmascope can be a guest's disk.

/** The disk, as QEMU and its monitor call it. */
export const DISK_ID = 'disk0';

/**
 * Of a machine with `memory` bytes, whose disk listens at `socket`. `reconnect`: it waits for a disk that is gone;
 * `viommu`: the disk is behind an IOMMU of the VM's own.
 */
export function diskOptions(
	socket: string,
	memory: string,
	{reconnect = false, viommu = false} = {},
): string[] {
	// biome-ignore format: a line for each option
	return [
		'-machine', `q35,memory-backend=m0,graphics=off${viommu ? ',kernel-irqchip=split' : ''}`,
		'-object', `memory-backend-memfd,id=m0,size=${memory},share=on`,
		'-m', memory,
		'-chardev', `socket,id=c0,path=${quoted(socket)}${reconnect ? ',reconnect=1' : ''}`,
		// QEMU asks for it before the devices behind it.
		...(viommu ? ['-device', 'intel-iommu,intremap=on,aw-bits=48'] : []),
		'-device', `vhost-user-blk-pci,id=${DISK_ID},chardev=c0,num-queues=1,bootindex=1${viommu ? ',disable-legacy=on,iommu_platform=on' : ''}`,
	];
}

/** QEMU takes a comma inside a value twice. */
const quoted = (value: string): string => value.replaceAll(',', ',,');

export type MachineOptions = {
	socket: string;
	qmp: string;
	memory: string;
	accel: 'tcg' | 'kvm';
	viommu: boolean;
	kernel?: string;
	initrd?: string;
	append?: string;
};

/** A whole machine, with a serial console on its standard input and output, and nothing that it does not need. */
export function machineOptions({socket, qmp, memory, accel, viommu, ...boot}: MachineOptions): string[] {
	const kernel =
		boot.kernel === undefined
			? []
			: ['-kernel', boot.kernel, '-append', boot.append ?? `console=ttyS0${viommu ? ' intel_iommu=on' : ''}`];
	const initrd = boot.initrd === undefined ? [] : ['-initrd', boot.initrd];
	// biome-ignore format: a line for each option
	return [
		'-nodefaults', '-no-user-config', '-display', 'none',
		'-accel', accel,
		...diskOptions(socket, memory, {viommu}),
		'-chardev', 'stdio,id=serial0,signal=off', '-serial', 'chardev:serial0',
		'-qmp', `unix:${quoted(qmp)},server=on,wait=off`,
		...kernel, ...initrd,
	];
}
