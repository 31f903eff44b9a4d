// Saves a machine by walking all of its objects, so that a new field is saved without further code. Closure variables
// and #fields are out of its reach and must not change (the architecture test finds #fields).

import type {Memory} from '../../hardware/memory.js';

/** An object as it was: the values of a list or set, keys and values of a map, bytes, or the values of its fields. */
export type Part = {of: object; was: readonly unknown[] | Uint8Array; keys?: readonly string[]};

/** The last saved contents of each object, so that unchanged objects are not stored twice. */
export type LastParts = WeakMap<object, Part>;

/** Bytes that a part, and a value in an array, take in V8's heap. */
const PART_BYTES = 160;
const VALUE_BYTES = 8;

/**
 * Saves everything reachable from `roots` except `outside` and the bytes of memory, which keep their own logs. Frozen
 * objects cannot change, so they are not walked.
 */
export function save(
	roots: readonly object[],
	memory: Memory,
	outside: readonly object[],
	last: LastParts,
): readonly Part[] {
	const visited = new Set<unknown>([memory, ...outside]);
	const ofMemory = new Set<ArrayBufferLike>(memory.signed.map(({buffer}) => buffer));
	const open: object[] = [...roots];
	const parts: Part[] = [];
	const walk = (values: readonly unknown[]) => {
		for (const value of values) {
			if (value === null || (typeof value !== 'object' && typeof value !== 'function')) continue;
			if (visited.has(value)) continue;
			visited.add(value);
			open.push(value);
		}
	};
	for (let object = open.pop(); object !== undefined; object = open.pop()) {
		if (Object.isFrozen(object)) continue;
		const before = last.get(object);
		let part = before;
		if (ArrayBuffer.isView(object)) {
			if (ofMemory.has(object.buffer)) continue;
			const bytes = bytesOf(object);
			if (!(before?.was instanceof Uint8Array) || Buffer.compare(before.was, bytes) !== 0)
				part = {of: object, was: bytes.slice()};
		} else {
			const values = valuesOf(object);
			const keys = hasFields(object) ? Object.keys(object) : undefined;
			walk(values);
			if (keys?.length === 0) continue;
			if (before === undefined || !areSame(before.was, values) || !areSame(before.keys ?? [], keys ?? []))
				part = {of: object, was: values === object ? values.slice() : values, keys};
		}
		if (part === undefined) continue;
		if (part !== before) last.set(object, part);
		parts.push(part);
	}
	return parts;
}

/** Puts an object back as it was. */
export function restore({of, was, keys = []}: Part): void {
	if (ArrayBuffer.isView(of)) {
		if (was instanceof Uint8Array) bytesOf(of).set(was);
	} else if (Array.isArray(of)) {
		of.length = was.length;
		for (let i = 0; i < was.length; i++) of[i] = was[i];
	} else if (of instanceof Map) {
		of.clear();
		for (let i = 0; i < was.length; i += 2) of.set(was[i], was[i + 1]);
	} else if (of instanceof Set) {
		of.clear();
		for (const value of was) of.add(value);
	} else {
		for (const key of Object.keys(of)) if (!keys.includes(key)) Reflect.deleteProperty(of, key);
		for (const [i, key] of keys.entries()) Reflect.set(of, key, was[i]);
	}
}

/** About how much of the heap it takes. */
export const partBytes = ({was, keys = []}: Part): number =>
	PART_BYTES + (was instanceof Uint8Array ? was.length : (was.length + keys.length) * VALUE_BYTES);

const hasFields = (object: object): boolean =>
	!Array.isArray(object) && !(object instanceof Map) && !(object instanceof Set);

function valuesOf(object: object): readonly unknown[] {
	if (Array.isArray(object)) return object;
	if (object instanceof Set) return [...object];
	if (!(object instanceof Map)) return Object.values(object);
	const flat: unknown[] = [];
	for (const [key, value] of object) flat.push(key, value);
	return flat;
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
	new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function areSame(one: readonly unknown[] | Uint8Array, other: readonly unknown[]): boolean {
	if (one.length !== other.length) return false;
	for (let i = 0; i < other.length; i++) if (!Object.is(one[i], other[i])) return false;
	return true;
}
