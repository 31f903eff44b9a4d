// What QEMU is started with so that dmascope can be a guest's disk.

/** Of a machine with `memory` bytes, whose disk listens at `socket`. `reconnect`: it waits for a disk that is gone. */
export function diskOptions(socket: string, memory: string, {reconnect = false} = {}): string[] {
	// biome-ignore format: a line for each option
	return [
		'-machine', 'q35,memory-backend=m0,graphics=off',
		'-object', `memory-backend-memfd,id=m0,size=${memory},share=on`,
		'-m', memory,
		'-chardev', `socket,id=c0,path=${quoted(socket)}${reconnect ? ',reconnect=1' : ''}`,
		'-device', 'vhost-user-blk-pci,id=disk0,chardev=c0,num-queues=1,bootindex=1',
	];
}

/** QEMU takes a comma inside a value twice. */
const quoted = (value: string): string => value.replaceAll(',', ',,');

export type MachineOptions = {
	socket: string;
	qmp: string;
	memory: string;
	accel: 'tcg' | 'kvm';
	kernel?: string;
	initrd?: string;
	append?: string;
};

/** A whole machine, with a serial console on its standard input and output, and nothing that it does not need. */
export function machineOptions({socket, qmp, memory, accel, ...boot}: MachineOptions): string[] {
	const kernel =
		boot.kernel === undefined ? [] : ['-kernel', boot.kernel, '-append', boot.append ?? 'console=ttyS0'];
	const initrd = boot.initrd === undefined ? [] : ['-initrd', boot.initrd];
	// biome-ignore format: a line for each option
	return [
		'-nodefaults', '-no-user-config', '-display', 'none',
		'-accel', accel,
		...diskOptions(socket, memory),
		'-chardev', 'stdio,id=serial0,signal=off', '-serial', 'chardev:serial0',
		'-qmp', `unix:${quoted(qmp)},server=on,wait=off`,
		...kernel, ...initrd,
	];
}
