// The thread that waits: a poll(2) that blocks, in a worker of its own. What is ready is told, and the next poll waits
// until that has been handled.

import {parentPort, workerData} from 'node:worker_threads';
import {libc} from './libc.js';
import {CONTROL, MOST_FDS, POLLIN, STATE, TIMEOUT_MS} from './poll-control.js';

const shared = new Int32Array(workerData);
const fds = new Int32Array(2 * MOST_FDS);
const system = libc();

while (system !== undefined) {
	Atomics.wait(shared, CONTROL.state, STATE.handled);
	if (Atomics.load(shared, CONTROL.state) === STATE.over) break;
	const count = shared[CONTROL.count];
	for (let i = 0; i < count; i++) {
		fds[2 * i] = shared[CONTROL.fds + i];
		fds[2 * i + 1] = POLLIN;
	}
	let ready = 0;
	try {
		ready = system.poll(fds, count, TIMEOUT_MS);
	} catch {
		// EINTR: once more.
	}
	if (ready === 0) continue;
	for (let i = 0; i < count; i++) shared[CONTROL.ready + i] = fds[2 * i + 1] >>> 16;
	if (Atomics.compareExchange(shared, CONTROL.state, STATE.waits, STATE.handled) === STATE.waits)
		parentPort?.postMessage(0);
}
