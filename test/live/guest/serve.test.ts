import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {test} from 'node:test';
import {FrontEnd} from '../../helpers/front-end.js';
import {folder, MIB, randomImage} from '../../helpers/lab.js';
import {check} from '../../helpers/outputs.js';
import {CLI} from '../../helpers/program.js';

test('serve says what QEMU needs, then tells of each event; its socket goes with it', async t => {
	const {file} = randomImage(t, MIB);
	const socket = path.join(folder(t), 'disk.sock');
	const child = spawn(process.execPath, [
		CLI,
		'serve',
		socket,
		'--disk',
		file,
		'--policy',
		'remove',
		'--json',
	]);
	t.after(() => child.kill('SIGKILL'));
	const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
	const next = async () => {
		const event = JSON.parse((await lines.next()).value ?? '{}');
		check('serve', event);
		return event;
	};
	const waiting = await next();
	assert.equal(waiting.event, 'waiting');
	assert.ok(waiting.options.includes(`socket,id=c0,path=${socket},reconnect=1`));
	const front = new FrontEnd(t);
	await front.connect(socket);
	await front.start();
	assert.deepEqual(await next(), {
		schemaVersion: 1,
		event: 'attached',
		bytes: front.bytes - 0x20000,
		policy: 'remove',
	});
	assert.equal(await front.read(1, 0x100000, 512), 0);
	const {event, transfer} = await next();
	assert.deepEqual([event, transfer.data, transfer.command.lba], ['transfer', 'lost', 1]);
	front.disconnect();
	assert.deepEqual(await next(), {schemaVersion: 1, event: 'detached'});
	child.kill('SIGTERM');
	await once(child, 'close');
	assert.ok(!fs.existsSync(socket));
});

test('serve refuses a path that it cannot listen at', async t => {
	const place = folder(t);
	fs.writeFileSync(path.join(place, 'there'), '');
	const cases: [socket: string, sentence: RegExp][] = [
		[
			path.join(place, 'there'),
			/there exists; remove it if no other dmascope serves it, or choose another path\.\n$/,
		],
		[path.join(place, 'no', 'where'), /^dmascope: Cannot listen at .*where: ENOENT/],
		[path.join(place, 'x'.repeat(120)), /longer than the 107 bytes/],
	];
	for (const [socket, sentence] of cases) {
		const child = spawn(process.execPath, [CLI, 'serve', socket, '--json']);
		let err = '';
		child.stderr.on('data', (bytes: Buffer) => {
			err += bytes;
		});
		const [code] = await once(child, 'close');
		assert.equal(code, 2);
		assert.match(err, sentence);
	}
});
