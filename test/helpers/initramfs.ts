// An initramfs of a static busybox, kernel modules and a script: no initramfs-tools, no depmod.

import {execFileSync} from 'node:child_process';
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

/** An initramfs in the making: files at their paths, with the folders on the way to them. */
export class Initramfs {
	private readonly entries = new Map<string, Entry>();

	add(name: string, mode: number, content?: Uint8Array): void {
		const parts = name.split('/');
		parts.slice(0, -1).forEach((_, i) => {
			const folder = parts.slice(0, i + 1).join('/');
			if (!this.entries.has(folder)) this.entries.set(folder, {name: folder, mode: DIRECTORY});
		});
		this.entries.set(name, {name, mode, ...(content === undefined ? {} : {content})});
	}

	/** A program, with what it is linked with. */
	program(name: string, file: string): void {
		this.add(name, PROGRAM, fs.readFileSync(file));
		for (const library of librariesOf(file)) this.add(library.slice(1), PROGRAM, fs.readFileSync(library));
	}

	cpio(): Buffer {
		return cpio([...this.entries.values()]);
	}
}

/** Where the loader finds what a program is linked with. */
const librariesOf = (program: string): string[] =>
	[...execFileSync('ldd', [program], {encoding: 'utf8'}).matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file);

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
