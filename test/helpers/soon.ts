import assert from 'node:assert/strict';

/** Does something in so many milliseconds of this process: others may keep the machine busy meanwhile. */
export function soon<T>(ms: number, work: () => T, what = 'it'): T {
	const began = process.cpuUsage();
	const result = work();
	const {user, system} = process.cpuUsage(began);
	assert.ok(user + system < ms * 1000, `${what} takes ${(user + system) / 1000} ms`);
	return result;
}
