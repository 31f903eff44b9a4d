// The tables in this machine's own memory, found by the kernel's symbols and types; or why they cannot be read, and what would
// help.

import fs from 'node:fs';
import {errnoOf, messageOf} from '../../../user-error.js';
import type {Gap} from '../host.js';
import type {Tree} from '../tree.js';
import {memberOffsets} from './btf.js';
import {HostTables} from './host-tables.js';
import {Kcore, KcoreError} from './kcore.js';
import {Kernel, MEMBERS, VARIABLES} from './kernel-units.js';
import {SAVED_BYTES, SAVED_TABLES, tablesFrom} from './saved-tables.js';
import {readSymbols} from './symbols.js';

/** Of this machine, but for tests. */
export type KernelFiles = {kcore: string; symbols: string; btf: string; cpu: string; lockdown: string};
const FILES: KernelFiles = {
	kcore: '/proc/kcore',
	symbols: '/proc/kallsyms',
	btf: '/sys/kernel/btf/vmlinux',
	cpu: '/proc/cpuinfo',
	lockdown: '/sys/kernel/security/lockdown',
};

/** @returns a gap where the kernel's memory cannot be read, and what would help */
export async function openTables(now: () => number, files: KernelFiles = FILES): Promise<HostTables | Gap> {
	try {
		const kcore = Kcore.open(files.kcore);
		try {
			const kernel = await kernelOf(kcore, files);
			const source = {
				memory: kcore,
				ranges: kcore.ranges,
				width: widthOf(files.cpu),
				units: () => kernel.units,
				close: () => kcore.close(),
			};
			return new HostTables(source, now);
		} catch (error) {
			kcore.close();
			throw error;
		}
	} catch (error) {
		return {what: 'page tables from memory', how: cureOf(error, files)};
	}
}

/** The page tables that a capture was asked to take along. @throws UserError if they are damaged */
export function savedIn(tree: Tree, now: () => number): HostTables | undefined {
	const text = tree.read(SAVED_TABLES, all => all, SAVED_BYTES);
	return text === undefined ? undefined : new HostTables(tablesFrom(text), now);
}

/** Reads what stays as it is while the kernel runs. */
async function kernelOf(kcore: Kcore, files: KernelFiles): Promise<Kernel> {
	const offsets = memberOffsets(fs.readFileSync(files.btf), MEMBERS);
	if (offsets === undefined) throw new KcoreError('its BTF has an unknown format');
	const symbols = await readSymbols(files.symbols, kcore, VARIABLES);
	if (!symbols.has('dmar_drhd_units') && !symbols.has('amd_iommu_list'))
		throw new KcoreError('no variable of an IOMMU driver is listed (CONFIG_KALLSYMS_ALL)');
	return new Kernel(kcore, symbols, offsets, widthOf(files.cpu));
}

/** The bits of a physical address; 52, the most there are, where it is not shown. */
function widthOf(cpu: string): number {
	const [, bits] = /^address sizes\s*: (\d\d) bits physical/m.exec(textOf(cpu)) ?? [];
	const width = Number(bits);
	return width >= 36 && width <= 52 ? width : 52;
}

function textOf(file: string): string {
	try {
		return fs.readFileSync(file, 'latin1');
	} catch {
		return '';
	}
}

/** What would let the tables be read. */
function cureOf(error: unknown, files: KernelFiles): string {
	if (error instanceof KcoreError) return `not possible here: ${error.message}`;
	const isBtf = error instanceof Error && 'path' in error && error.path === files.btf;
	switch (errnoOf(error)) {
		case 'ENOENT':
			return isBtf
				? 'boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (most distributions’ are)'
				: 'run it on the host, not in a container, with a kernel built with CONFIG_PROC_KCORE=y';
		case 'EACCES':
		case 'EPERM':
			if (process.geteuid?.() !== 0) return 'run as root: sudo dmascope host';
			return /\[confidentiality\]/.test(textOf(files.lockdown))
				? 'boot without lockdown=confidentiality; integrity, which Secure Boot switches on, allows it'
				: 'run it on the host, with CAP_SYS_RAWIO: not in a container, and without kernel lockdown';
		default:
			return `not possible here: ${messageOf(error)}`;
	}
}
