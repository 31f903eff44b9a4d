// An initramfs of a static busybox, kernel modules and a script: no initramfs-tools, no depmod.

import fs from 'node:fs';
import path from 'node:path';

export type Entry = {name: string; mode: number; content?: Uint8Array};

export const DIRECTORY = 0o040755;
export const PROGRAM = 0o100755;
export const FILE = 0o100644;

/** A cpio archive in the "newc" format, which is what the kernel unpacks (Documentation/driver-api/early-userspace). */
export function cpio(entries: readonly Entry[]): Buffer {
	const parts = [...entries, {name: 'TRAILER!!!', mode: 0}].flatMap(({name, mode, content = NOTHING}, i) => {
		const inode = i + 1;
		const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
		const header = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
		return [padded(Buffer.from(header)), padded(content)];
	});
	return Buffer.concat(parts);
}

const NOTHING = new Uint8Array();
const padded = (bytes: Uint8Array): Uint8Array => {
	const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
	whole.set(bytes);
	return whole;
};

/** The files of modules, each after those it depends on; what is built into the kernel has none. */
export function moduleFiles(folder: string, wanted: readonly string[]): string[] {
	const files = new Map(
		fs
			.readdirSync(folder, {recursive: true, encoding: 'utf8'})
			.filter(file => file.endsWith('.ko'))
			.map(file => [moduleName(path.basename(file, '.ko')), path.join(folder, file)]),
	);
	const ordered = new Set<string>();
	const add = (name: string) => {
		const file = files.get(moduleName(name));
		if (file === undefined || ordered.has(file)) return;
		for (const needed of dependenciesOf(fs.readFileSync(file))) add(needed);
		ordered.add(file);
	};
	for (const name of wanted) add(name);
	return [...ordered];
}

/** As the kernel has it: a file named nvme-core.ko is the module nvme_core. */
const moduleName = (text: string): string => text.replaceAll('-', '_');

/** The `depends=` of a module's .modinfo section. */
function dependenciesOf(module: Buffer): string[] {
	const key = '\0depends=';
	const at = module.indexOf(key, 0, 'latin1');
	if (at < 0) return [];
	const from = at + key.length;
	return module.toString('latin1', from, module.indexOf(0, from)).split(',').filter(Boolean);
}
