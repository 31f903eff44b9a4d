// A machine's memory as files: /proc/kcore, kallsyms and BTF of a kernel that has one VT-d unit, a device and two mappings.

import fs from 'node:fs';
import path from 'node:path';
import type {KernelFiles} from '../../source/live/host/kcore/open-tables.js';

const MEMORY = 1 << 20;
/** Where physical memory is mapped as a whole, and where the file has it. */
const DIRECT = 0xffff_8880_0000_0000n;
const OFFSET = 4096;
export const ROOT_TABLE = 0x10000;
export const CONTEXT = 0x11000;
export const TOP = 0x12000;
export const LEVEL3 = 0x13000;
export const LEVEL2 = 0x14000;
export const LEVEL1 = 0x15000;
const DRHD_HEAD = 0x1000;
const DRHD = 0x2000;
const IOMMU = 0x3000;
const KALLSYMS = 0x20000;

/** Members and their offsets in this kernel, by structure. */
const STRUCTURES: Record<string, Record<string, number>> = {
	dmar_drhd_unit: {list: 16, segment: 44, iommu: 48},
	intel_iommu: {cap: 24, ecap: 32, gcmd: 48, name: 78, root_entry: 120},
};

export class FakeKernel {
	readonly memory = Buffer.alloc(MEMORY);
	readonly files: KernelFiles;

	/** 00:02.0 has 0x100000 → 0x5000, for both, and 0x200000 → 0x200000, 2 MiB that only reads. */
	constructor(place: string) {
		const at = (name: string) => path.join(place, name);
		this.files = {
			kcore: at('kcore'),
			symbols: at('kallsyms'),
			btf: at('btf'),
			cpu: at('cpuinfo'),
			lockdown: at('lockdown'),
		};
		this.word(DRHD_HEAD, DIRECT + BigInt(DRHD + 16));
		this.word(DRHD + 16, DIRECT + BigInt(DRHD_HEAD));
		this.word(DRHD + 48, DIRECT + BigInt(IOMMU));
		this.word(IOMMU + 24, 0xd2008c222f0606n);
		this.word(IOMMU + 32, 0xf00f4an);
		this.memory.writeUInt32LE(0x8000_0000, IOMMU + 48);
		this.memory.write('dmar0', IOMMU + 78);
		this.word(IOMMU + 120, DIRECT + BigInt(ROOT_TABLE));
		this.word(ROOT_TABLE, BigInt(CONTEXT | 1));
		this.word(CONTEXT + 16 * 0x10, BigInt(TOP | 1));
		this.word(CONTEXT + 16 * 0x10 + 8, 0x302n);
		this.word(TOP, BigInt(LEVEL3 | 3));
		this.word(LEVEL3, BigInt(LEVEL2 | 3));
		this.word(LEVEL2, BigInt(LEVEL1 | 3));
		this.word(LEVEL2 + 8, 0x20_0081n);
		this.word(LEVEL1 + 8 * 0x100, 0x5003n);
	}

	word(hpa: number, value: bigint): void {
		this.memory.writeBigUInt64LE(value, hpa);
	}

	/** Writes the files. `hidden`: kallsyms shows zeros, and the addresses are in memory. */
	write(hidden = false): KernelFiles {
		const {files} = this;
		const address = (DIRECT + BigInt(DRHD_HEAD)).toString(16);
		const shown = hidden ? '0'.repeat(16) : address;
		fs.writeFileSync(
			files.symbols,
			`${shown} T _text\n${shown} D dmar_drhd_units\n${shown} t other\t[module]\n`,
		);
		fs.writeFileSync(files.btf, btf(STRUCTURES));
		fs.writeFileSync(files.cpu, 'address sizes\t: 39 bits physical, 48 bits virtual\n');
		fs.writeFileSync(files.lockdown, '[none] integrity confidentiality\n');
		fs.writeFileSync(files.kcore, this.core(this.kallsyms()));
		return files;
	}

	/** The kernel's own table of two names, in tokens that are letters. @returns VMCOREINFO */
	private kallsyms(): string {
		const names = ['T_text', 'Ddmar_drhd_units'];
		const at = {
			names: KALLSYMS,
			num_syms: KALLSYMS + 0x100,
			token_table: KALLSYMS + 0x1000,
			token_index: KALLSYMS + 0x3000,
			offsets: KALLSYMS + 0x4000,
			relative_base: KALLSYMS + 0x5000,
		};
		let end = at.names;
		for (const name of names) {
			this.memory[end] = name.length;
			this.memory.write(name, end + 1, 'latin1');
			end += 1 + name.length;
		}
		this.memory.writeUInt32LE(names.length, at.num_syms);
		for (let i = 0; i < 256; i++) {
			this.memory[at.token_table + 2 * i] = i;
			this.memory.writeUInt16LE(2 * i, at.token_index + 2 * i);
		}
		this.word(at.relative_base, DIRECT);
		this.memory.writeInt32LE(-1, at.offsets);
		this.memory.writeInt32LE(-1 - DRHD_HEAD, at.offsets + 4);
		return Object.entries(at)
			.map(([name, hpa]) => `SYMBOL(kallsyms_${name})=${(DIRECT + BigInt(hpa)).toString(16)}\n`)
			.join('');
	}

	private core(info: string): Buffer {
		const note = Buffer.alloc(12 + 12 + Math.ceil(info.length / 4) * 4);
		note.writeUInt32LE(11, 0);
		note.writeUInt32LE(info.length, 4);
		note.write('VMCOREINFO\0', 12);
		note.write(info, 24, 'latin1');
		const head = Buffer.alloc(OFFSET);
		head.write('\x7fELF\x02\x01\x01', 'latin1');
		head.writeBigUInt64LE(64n, 32);
		head.writeUInt16LE(3, 56);
		const segment = (i: number, type: number, words: readonly bigint[]) => {
			head.writeUInt32LE(type, 64 + 56 * i);
			for (const [j, value] of words.entries()) head.writeBigUInt64LE(value, 64 + 56 * i + 8 + 8 * j);
		};
		const all = 0xffff_ffff_ffff_ffffn;
		segment(0, 4, [1024n, 0n, 0n, BigInt(note.length), 0n]);
		// vmalloc has no physical addresses.
		segment(1, 1, [BigInt(OFFSET + MEMORY), 0xffff_c900_0000_0000n, all, 4096n, 4096n]);
		segment(2, 1, [BigInt(OFFSET), DIRECT, 0n, BigInt(MEMORY), BigInt(MEMORY)]);
		head.set(note, 1024);
		return Buffer.concat([head, this.memory, Buffer.alloc(4096)]);
	}
}

/** BTF of structures; between them types of other kinds, and a union without a name. */
export function btf(structures: Record<string, Record<string, number>>): Buffer {
	const strings = ['\0'];
	let length = 1;
	const name = (text: string): number => {
		strings.push(`${text}\0`);
		length += text.length + 1;
		return length - text.length - 1;
	};
	const words: number[] = [];
	const type = (nameAt: number, kind: number, count: number, size: number, ...rest: number[]) =>
		words.push(nameAt, ((kind << 24) | count) >>> 0, size, ...rest);
	type(name('int'), 1, 0, 4, 0x20);
	type(0, 3, 0, 0, 1, 1, 8);
	type(name('state'), 6, 2, 4, name('on'), 0, name('off'), 1);
	let number = 3;
	for (const [structure, members] of Object.entries(structures)) {
		const [first, ...others] = Object.entries(members);
		// The first member is in a union without a name.
		type(0, 5, 1, 8, name(first[0]), 1, 0);
		number++;
		const fields = others.flatMap(([member, offset]) => [name(member), 1, offset * 8]);
		type(name(structure), 4, others.length + 1, 4096, 0, number, first[1] * 8, ...fields);
		number++;
	}
	const types = Buffer.from(Uint32Array.from(words).buffer);
	const text = Buffer.from(strings.join(''), 'latin1');
	const head = Buffer.alloc(24);
	head.writeUInt16LE(0xeb9f, 0);
	for (const [i, value] of [24, 0, types.length, types.length, text.length].entries())
		head.writeUInt32LE(value, 4 + 4 * i);
	return Buffer.concat([head, types, text]);
}
