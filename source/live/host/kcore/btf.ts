// Where the kernel's structures have their members: BTF, the types that a kernel built with CONFIG_DEBUG_INFO_BTF carries
// (Linux's Documentation/bpf/btf.rst).

const MAGIC = 0xeb9f;
const TYPE_BYTES = 12;
const KIND = {
	INT: 1,
	ARRAY: 3,
	STRUCT: 4,
	UNION: 5,
	ENUM: 6,
	FUNC_PROTO: 13,
	VAR: 14,
	DATASEC: 15,
	DECL_TAG: 17,
	ENUM64: 19,
};
/** Bytes after a type's head: so many, or so many for each member. */
const AFTER: Readonly<Record<number, number>> = {
	[KIND.INT]: 4,
	[KIND.ARRAY]: 12,
	[KIND.VAR]: 4,
	[KIND.DECL_TAG]: 4,
};
const EACH: Readonly<Record<number, number>> = {
	...{
		[KIND.STRUCT]: 12,
		[KIND.UNION]: 12,
		[KIND.ENUM]: 8,
		[KIND.FUNC_PROTO]: 8,
		[KIND.DATASEC]: 12,
		[KIND.ENUM64]: 12,
	},
};
/** Unnamed structures in structures: no kernel nests them deeper. */
const DEEPEST = 8;

/** Byte offsets by "structure.member". */
export type Offsets = ReadonlyMap<string, number>;

/**
 * The offsets of wanted members. Members that the kernel does not have are left out.
 * @returns undefined if the bytes are not BTF
 */
export function memberOffsets(btf: Buffer, wanted: ReadonlySet<string>): Offsets | undefined {
	if (btf.length < 24 || btf.readUInt16LE(0) !== MAGIC) return undefined;
	const head = btf.readUInt32LE(4);
	const [typesAt, typeBytes, stringsAt] = [8, 12, 16].map(at => btf.readUInt32LE(at));
	const types = btf.subarray(head + typesAt, head + typesAt + typeBytes);
	const strings = btf.subarray(head + stringsAt);
	const starts = typeStarts(types);
	if (starts === undefined) return undefined;
	const structures = new Set([...wanted].map(each => each.slice(0, each.indexOf('.'))));
	const nameAt = (at: number): string => strings.toString('latin1', at, strings.indexOf(0, at));
	const found = new Map<string, number>();

	const addMembers = (type: number, structure: string, base: number, depth: number): void => {
		const start = starts[type];
		if (start === undefined || depth > DEEPEST) return;
		const info = types.readUInt32LE(start + 4);
		const kind = (info >>> 24) & 31;
		if (kind !== KIND.STRUCT && kind !== KIND.UNION) return;
		for (let i = 0; i < (info & 0xffff); i++) {
			const at = start + TYPE_BYTES + 12 * i;
			const [name, member, bits] = [0, 4, 8].map(offset => types.readUInt32LE(at + offset));
			// With bit-fields in a structure, the high 8 bits are a width.
			const offset = base + ((info >>> 31 === 1 ? bits & 0xff_ffff : bits) >>> 3);
			if (name === 0) addMembers(member, structure, offset, depth + 1);
			else {
				const key = `${structure}.${nameAt(name)}`;
				if (wanted.has(key) && !found.has(key)) found.set(key, offset);
			}
		}
	};

	for (let type = 1; type < starts.length; type++) {
		const start = starts[type];
		if (((types.readUInt32LE(start + 4) >>> 24) & 31) !== KIND.STRUCT) continue;
		const name = types.readUInt32LE(start);
		if (name === 0 || name >= strings.length) continue;
		const structure = nameAt(name);
		if (structures.has(structure)) addMembers(type, structure, 0, 0);
	}
	return found;
}

/** Where each type begins; the first is number 1. */
function typeStarts(types: Buffer): number[] | undefined {
	const starts = [0];
	for (let at = 0; at < types.length; ) {
		if (at + TYPE_BYTES > types.length) return undefined;
		starts.push(at);
		const info = types.readUInt32LE(at + 4);
		const kind = (info >>> 24) & 31;
		at += TYPE_BYTES + (AFTER[kind] ?? 0) + (EACH[kind] ?? 0) * (info & 0xffff);
		if (at > types.length) return undefined;
	}
	return starts;
}
