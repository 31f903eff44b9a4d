// Saves a machine by walking all of its objects, so that nothing can be forgotten: a field that is added is saved.
// What the walk cannot see must not change: variables of closures, and #fields (the architecture test looks for those).

import type {Memory} from '../../hardware/memory.js';

/** Puts everything back as it was. */
export type Saved = () => void;

/** Copies by what they are copies of, so that what has not changed since the last save is not kept twice. */
export type Copies = WeakMap<object, Uint8Array>;

/**
 * Saves what can be reached from `roots`, but for `outside` and the bytes of memory, which keep logs of their own.
 * What is frozen cannot change and is not walked.
 */
export function save(
	roots: readonly object[],
	memory: Memory,
	outside: readonly object[],
	copies: Copies,
): Saved {
	const seen = new Set<unknown>([memory, ...outside]);
	const ofMemory = new Set<ArrayBufferLike>(memory.signed.map(({buffer}) => buffer));
	const open: unknown[] = [...roots];
	const back: Saved[] = [];
	const all = (values: Iterable<unknown>) => {
		for (const value of values) {
			const holds = typeof value === 'object' ? value !== null : typeof value === 'function';
			if (!holds || seen.has(value)) continue;
			seen.add(value);
			open.push(value);
		}
	};
	for (let object = open.pop(); object !== undefined; object = open.pop()) {
		if (Object.isFrozen(object)) continue;
		if (ArrayBuffer.isView(object)) {
			if (!ofMemory.has(object.buffer)) back.push(words(object, copies));
		} else if (Array.isArray(object)) {
			all(object);
			back.push(list(object));
		} else if (object instanceof Map) {
			all(object.keys());
			all(object.values());
			back.push(map(object));
		} else if (object instanceof Set) {
			all(object);
			back.push(set(object));
		} else if (typeof object === 'object' || typeof object === 'function') {
			const keys = Object.keys(object ?? {});
			if (object === null || keys.length === 0) continue;
			const values = Object.values(object);
			all(values);
			back.push(fields(object, keys, values));
		}
	}
	return () => {
		for (const put of back) put();
	};
}

function words(array: ArrayBufferView, copies: Copies): Saved {
	const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
	const last = copies.get(array);
	const copy = last && Buffer.compare(last, bytes) === 0 ? last : new Uint8Array(bytes);
	copies.set(array, copy);
	return () => bytes.set(copy);
}

function list(array: unknown[]): Saved {
	const copy = array.slice();
	return () => {
		array.length = copy.length;
		for (const [i, value] of copy.entries()) array[i] = value;
	};
}

function map(into: Map<unknown, unknown>): Saved {
	const copy = [...into];
	return () => {
		into.clear();
		for (const [key, value] of copy) into.set(key, value);
	};
}

function set(into: Set<unknown>): Saved {
	const copy = [...into];
	return () => {
		into.clear();
		for (const value of copy) into.add(value);
	};
}

function fields(object: object, keys: readonly string[], values: readonly unknown[]): Saved {
	return () => {
		for (const key of Object.keys(object)) if (!keys.includes(key)) Reflect.deleteProperty(object, key);
		for (const [i, key] of keys.entries()) Reflect.set(object, key, values[i]);
	};
}
