import assert from 'node:assert/strict';

/** Does something in so many milliseconds of this process: others may keep the machine busy meanwhile. */
export function soon<T>(ms: number, work: () => T, what = 'it'): T {
	const began = process.cpuUsage();
	const result = work();
	const {user, system} = process.cpuUsage(began);
	assert.ok(user + system < ms * 1000, `${what} takes ${(user + system) / 1000} ms`);
	return result;
}

/** The same for work that lets others run in between. */
export async function soonAsync<T>(ms: number, work: () => Promise<T>, what = 'it'): Promise<T> {
	const began = process.cpuUsage();
	const result = await work();
	const {user, system} = process.cpuUsage(began);
	assert.ok(user + system < ms * 1000, `${what} takes ${(user + system) / 1000} ms`);
	return result;
}
