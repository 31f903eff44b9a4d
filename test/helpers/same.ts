// Whether two machines are the same, object by object: what a save walks, walked for both at once.

import type {Lab} from '../../source/lab/lab.js';

const PAGE = 4096;

/** The first places where two labs differ: in their objects, in memory, and on the disk. */
export function differences(a: Lab, b: Lab): string[] {
	const found: string[] = [];
	for (const part of ['machine', 'record', 'work'])
		compareObjects(part, Reflect.get(a, part), Reflect.get(b, part), found);
	for (const {base, bytes} of a.memory.segments) {
		for (let hpa = base; hpa < base + bytes; hpa += PAGE) {
			if (Buffer.compare(a.memory.view(hpa, PAGE), b.memory.view(hpa, PAGE)) !== 0)
				found.push(`memory at ${hpa.toString(16)}`);
		}
	}
	const step = 1024 * 1024;
	for (let at = 0; at < a.disk.bytes; at += step)
		if (Buffer.compare(a.disk.peek(at, step), b.disk.peek(at, step)) !== 0) found.push(`disk at ${at}`);
	return found.slice(0, 10);
}

function compareObjects(name: string, a: unknown, b: unknown, found: string[]): void {
	const pairs = new Map<unknown, unknown>();
	const open: [string, unknown, unknown][] = [[name, a, b]];
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const [path, one, other] = next;
		if (typeof one !== typeof other) found.push(`${path}: ${typeof one} and ${typeof other}`);
		else if (!isObject(one) || !isObject(other)) {
			if (!Object.is(one, other)) found.push(`${path}: ${String(one)} and ${String(other)}`);
		} else if (pairs.has(one)) {
			if (pairs.get(one) !== other) found.push(`${path}: not the same object`);
		} else {
			pairs.set(one, other);
			if (!isLeft(path, one)) open.push(...partsOf(path, one, other, found));
		}
	}
}

const isObject = (value: unknown): value is object =>
	(typeof value === 'object' && value !== null) || typeof value === 'function';

/** Memory and disk are compared by their bytes. */
const isLeft = (path: string, object: object): boolean =>
	'signed' in object || path.endsWith('.disk.path') || object.constructor.name === 'Disk';

function partsOf(path: string, a: object, b: object, found: string[]): [string, unknown, unknown][] {
	if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
		// Views of memory are as far along in both; its bytes are compared elsewhere.
		const [one, other] = [a, b].map(view => Buffer.from(view.buffer, view.byteOffset, view.byteLength));
		if (Buffer.compare(one, other) !== 0) found.push(`${path}: other bytes`);
		return [];
	}
	const [one, other] = [a, b].map(object =>
		object instanceof Map || object instanceof Set ? [...object].flat() : undefined,
	);
	if (one && other) {
		if (one.length !== other.length) found.push(`${path}: ${one.length} and ${other.length}`);
		return one.map((value, i) => [`${path}.${i}`, value, other[i]]);
	}
	const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
	return [...keys].map(key => [`${path}.${key}`, Reflect.get(a, key), Reflect.get(b, key)]);
}
