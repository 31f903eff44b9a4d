// Page tables as real kernels have shown them, for made-up machines.

import fs from 'node:fs';
import path from 'node:path';
import type {Machine} from './host-tree.js';

const FOLDER = '/sys/kernel/debug/iommu/intel';

/**
 * What kernels 6.1.192 and 6.12.117 showed in QEMU, with most rows of each table left out: a VM has 00:04.0 and 00:05.0 in
 * one domain, with large pages and with a ROM; the chipset's functions 00:1f.x are a group.
 */
export function recordedTables(name: string, release: string): Machine {
	const text = fs.readFileSync(
		path.resolve(import.meta.dirname, '../live/host/tables', `${name}.txt`),
		'utf8',
	);
	const files = text
		.split(/^==> (.*) <==\n/m)
		.slice(1)
		.map((each, i, all) => [`${FOLDER}/${each}`, all[i + 1]])
		.filter((_, i) => i % 2 === 0);
	return {...Object.fromEntries(files), '/proc/sys/kernel/osrelease': `${release}\n`};
}
