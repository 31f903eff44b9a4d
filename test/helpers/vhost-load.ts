// A front end in a process of its own that reads from a back end for as long as it is told, so many requests at once:
// vhost-load.ts SOCKET BYTES DEPTH MILLISECONDS. It prints requests per second.

import fs from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import * as vhost from '../../source/formats/vhost-user.js';
import {REQUEST} from '../../source/formats/vhost-user.js';
import {USED} from '../../source/formats/virtqueue.js';
import {FrontEnd, RING} from './front-end.js';
import {MIB} from './lab.js';

const [socket = '', ...numbers] = process.argv.slice(2);
const [bytes = 4096, depth = 32, forMs = 1000] = numbers.map(Number);
const BUFFERS = MIB;
const SPAN = 48 * MIB;
/** Neither EVENT_IDX nor anything else that this driver has no code for. */
const KNOWN = vhost.FEATURE.PROTOCOL_FEATURES;

const ends: (() => unknown)[] = [];
const front = new FrontEnd({after: end => void ends.unshift(end)}, 2 * MIB + depth * bytes);
await front.connect(socket);
await front.ask(REQUEST.GET_FEATURES, new Uint8Array(0));
await front.ask(REQUEST.GET_PROTOCOL_FEATURES, new Uint8Array(0));
front.tell(REQUEST.SET_PROTOCOL_FEATURES, vhost.u64(vhost.PROTOCOL_FEATURE.REPLY_ACK));
front.tell(REQUEST.SET_OWNER, new Uint8Array(0));
front.tell(REQUEST.SET_FEATURES, vhost.u64(KNOWN, vhost.FEATURE.HIGH_VERSION_1));
front.share();
front.setRing(0);
await front.ask(REQUEST.SET_VRING_ENABLE, vhost.u32s(0, 1), {ack: true});

const one = new BigUint64Array([1n]);
const waiting = new Int32Array([front.callFd, 1]);
let next = 0;
let seen = 0;
const idx = new Uint16Array(front.mapping.buffer, RING.used + USED.IDX, 1);
const put = (slot: number) => {
	front.put(slot, (next % SPAN) / 512, BUFFERS + slot * bytes, bytes);
	next += bytes;
};

/** Reads until the time is over. @returns requests per second */
function load(ms: number): number {
	const start = performance.now();
	let done = 0;
	for (let slot = 0; slot < depth; slot++) put(slot);
	fs.writeSync(front.kickFd, one);
	let inWork = depth;
	while (inWork > 0) {
		front.system.poll(waiting, 1, -1);
		front.calls();
		const goesOn = performance.now() - start < ms;
		for (const end = Atomics.load(idx, 0); seen !== end; seen = (seen + 1) & 0xffff) {
			const head = front.memory.getUint32(RING.used + USED.RING + 8 * (seen % RING.size), true);
			done++;
			if (goesOn) put(head / 3);
			else inWork--;
		}
		if (goesOn) fs.writeSync(front.kickFd, one);
	}
	return (done * 1000) / (performance.now() - start);
}

load(forMs / 2);
process.stdout.write(`${load(forMs)}\n`);
front.disconnect();
await sleep(0);
for (const end of ends) end();
