import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import {UserError} from '../../../source/user-error.js';
import {fakeQemu, GREETING} from '../../helpers/fake-qemu.js';
import {folder} from '../../helpers/lab.js';

async function connected(t: TestContext, socket: string): Promise<Qmp> {
	const qmp = await Qmp.connect(socket);
	t.after(() => qmp.close());
	return qmp;
}

const sentence = (pattern: RegExp) => (error: unknown) =>
	error instanceof UserError && pattern.test(error.message);

test('commands are answered in order, whatever events arrive between', async t => {
	const event = '{"event": "STOP", "data": {}}';
	const socket = await fakeQemu(t, GREETING, ({execute, arguments: {'command-line': line}}) =>
		[event, JSON.stringify({return: line ?? {asked: execute}}), event].join('\r\n'),
	);
	const qmp = await connected(t, socket);
	const answers = await Promise.all([qmp.monitor('info status'), qmp.execute('stop'), qmp.monitor('xp é')]);
	assert.deepEqual(answers, ['info status', {asked: 'stop'}, 'xp é']);
});

test('a refusal is reported in QEMU’s own words, and the next command works', async t => {
	const socket = await fakeQemu(t, GREETING, ({execute}) =>
		execute === 'fly'
			? '{"error": {"class": "CommandNotFound", "desc": "The command fly has not been found"}}'
			: '{"return": 1}',
	);
	const qmp = await connected(t, socket);
	await assert.rejects(
		qmp.execute('fly'),
		sentence(/^QEMU refuses fly: The command fly has not been found\.$/),
	);
	assert.equal(await qmp.execute('stop'), 1);
});

test('a missing socket, another protocol and a lost machine are each a sentence', async t => {
	const nowhere = path.join(folder(t), 'none');
	await assert.rejects(Qmp.connect(nowhere), sentence(/none does not exist; start QEMU with -qmp/));
	const file = path.join(folder(t), 'file');
	fs.writeFileSync(file, 'no socket');
	await assert.rejects(
		Qmp.connect(file),
		sentence(/^Cannot connect to .*file: nothing is listening; start QEMU/),
	);
	await assert.rejects(Qmp.connect(await fakeQemu(t, 'SSH-2.0-x\r\n')), sentence(/is not a QMP socket/));
	await assert.rejects(Qmp.connect(await fakeQemu(t, '{"return": 1}\n')), sentence(/is not a QMP socket/));
	const socket = await fakeQemu(t, GREETING, ({execute}) =>
		execute === 'stop' ? undefined : '{"return": {}}',
	);
	const qmp = await connected(t, socket);
	await assert.rejects(qmp.execute('stop'), sentence(/closed the connection/));
	await assert.rejects(qmp.execute('cont'), sentence(/closed the connection/));
});

test('a connection that breaks during a command is closed, whatever error the system reports', async t => {
	const socket = await fakeQemu(t, GREETING);
	for (const code of ['EPIPE', 'ECONNRESET']) {
		const qmp = await connected(t, socket);
		t.mock.method(net.Socket.prototype, 'write', function (this: net.Socket) {
			this.destroy(Object.assign(new Error(`write ${code}`), {code}));
			return false;
		});
		await assert.rejects(qmp.execute('stop'), sentence(/QEMU closed the connection/));
		t.mock.restoreAll();
	}
});

test('a busy socket is a sentence', async t => {
	const place = path.join(folder(t), 'qmp');
	const listening = `require('net').createServer().listen({path: process.argv[1], backlog: 1}, () => console.log())`;
	const stopped = spawn(process.execPath, ['-e', listening, place]);
	t.after(() => stopped.kill('SIGKILL'));
	await once(stopped.stdout, 'data');
	stopped.kill('SIGSTOP');
	for (let i = 0; i < 2; i++) {
		const waits = net.connect(place);
		t.after(() => waits.destroy());
		await once(waits, 'connect');
	}
	await assert.rejects(Qmp.connect(place), sentence(/qmp is busy: QEMU is stopped, or/));
});

test('a socket that another client holds never answers: it times out', async t => {
	const socket = await fakeQemu(t, '');
	t.mock.timers.enable({apis: ['setTimeout']});
	const refused = assert.rejects(
		Qmp.connect(socket),
		sentence(/within 5 s; is another program connected to it, or is QEMU stopped\?$/),
	);
	t.mock.timers.tick(5000);
	await refused;
});

test('an answer that is too deep or endless is not QEMU’s', async t => {
	const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
	const nested = `${'{"a":['.repeat(2000)}${']}'.repeat(2000)}`;
	for (const value of [deep, nested]) {
		const socket = await fakeQemu(
			t,
			GREETING,
			({execute}) => `{"return": ${execute === 'stop' ? value : '{}'}}`,
		);
		const qmp = await connected(t, socket);
		await assert.rejects(qmp.execute('stop'), sentence(/is not a QMP socket/));
		await assert.rejects(qmp.execute('cont'), sentence(/is not a QMP socket/));
	}
	const socket = await fakeQemu(t, GREETING, ({execute}) =>
		execute === 'stop' ? 'x'.repeat(2 ** 24 + 2 ** 17) : '{"return": {}}',
	);
	const qmp = await connected(t, socket);
	await assert.rejects(qmp.execute('stop'), sentence(/is not a QMP socket/));
});

test('an answer in many pieces is whole, and QEMU’s words are cut', async t => {
	const long = 'y'.repeat(2 ** 23);
	const socket = await fakeQemu(t, GREETING, ({execute}) =>
		execute === 'fly'
			? JSON.stringify({error: {class: 'GenericError', desc: `${long}\x1b`}})
			: JSON.stringify({return: execute === 'stop' ? long : {}}),
	);
	const qmp = await connected(t, socket);
	assert.equal(await qmp.execute('stop'), long);
	await assert.rejects(qmp.execute('fly'), sentence(/^QEMU refuses fly: y{500}\.$/));
});
