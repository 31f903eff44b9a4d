import assert from 'node:assert/strict';
import {test} from 'node:test';
import {PageLog, PageStore} from '../../../source/hardware/page-log.js';
import {type Random, seededRandom} from '../../../source/lab/build/random.js';
import {Exchange, type Place} from '../../../source/lab/time/exchange.js';

const KEYS = 700;

/** A page that says which it is. */
const page = (name: string): Uint8Array => new Uint8Array(Buffer.alloc(4096, `${name} `));
const nameOf = (bytes: Uint8Array | undefined): string | undefined =>
	bytes && Buffer.from(bytes.subarray(0, 40)).toString().split(' ')[0];

/** A disk whose calls fail now and then: a write that fails leaves anything, and a flush that fails loses writes. */
function failing(random: Random, share: number) {
	const stored = new Map(Array.from({length: KEYS}, (_, key) => [key, page(`now${key}`)]));
	const unflushed = new Map<number, Uint8Array>();
	const calls = {reads: new Map<number, number>(), failures: 0};
	const attempt = (broken: () => void) => {
		if (random() >= share) return;
		calls.failures++;
		broken();
		throw new Error('EIO');
	};
	const place: Place = {
		read: (key, into) => {
			attempt(() => into.fill(0));
			calls.reads.set(key, (calls.reads.get(key) ?? 0) + 1);
			into.set(stored.get(key) ?? into);
		},
		write: (key, bytes) => {
			if (!unflushed.has(key)) unflushed.set(key, stored.get(key)?.slice() ?? bytes);
			const torn = stored.get(key)?.slice() ?? bytes;
			torn.set(bytes.subarray(0, Math.floor(random() * 9) * 512));
			attempt(() => stored.set(key, torn));
			stored.set(key, bytes.slice());
		},
		flush: () => {
			attempt(() => {
				for (const [key, before] of unflushed) if (random() < 0.5) stored.set(key, before);
			});
			unflushed.clear();
		},
	};
	return {stored, place, calls};
}

test('whatever fails, each page is exchanged once in the end, and nothing is lost', () => {
	const random = seededRandom(260178);
	for (let round = 0; round < 20; round++) {
		const store = new PageStore(1000);
		const {stored, place, calls} = failing(random, round === 0 ? 0 : 0.002);
		const logs = Array.from({length: 4}, (_, i) => {
			const log = new PageLog(store);
			for (let key = 0; key < KEYS; key++) if (random() < 0.5) log.keep(key, page(`log${i}.${key}`));
			return log;
		});
		const held = logs.map(log => new Map([...log.entries()].map(([key, bytes]) => [key, nameOf(bytes)])));
		const used = store.used;
		const exchange = new Exchange(logs, place, store);
		while (exchange.done < exchange.of) {
			try {
				exchange.step();
			} catch (error) {
				assert.ok(error instanceof Error && error.message === 'EIO');
				for (const [key, name] of held[3])
					assert.equal(nameOf(exchange.awaits(key) ? logs[3].get(key) : stored.get(key)), name);
			}
		}
		for (let key = 0; key < KEYS; key++) {
			const holders = [0, 1, 2, 3].filter(i => held[i].has(key));
			const names = [`now${key}`, ...holders.map(i => held[i].get(key))];
			assert.equal(nameOf(stored.get(key)), names.at(-1));
			assert.deepEqual(
				holders.map(i => nameOf(logs[i].get(key))),
				names.slice(0, -1),
			);
			assert.equal(calls.reads.get(key) ?? 0, holders.length > 0 ? 1 : 0);
		}
		assert.equal(store.used, used);
		assert.equal(calls.failures > 0, round > 0);
	}
});
