// The real program on a real terminal, while the QEMU that it looks at goes away and comes back.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {FakeMachine} from '../../helpers/fake-machine.js';
import {folder} from '../../helpers/lab.js';
import {CLI, screenText, startProgram} from '../../helpers/program.js';

test('a QEMU is killed and restarted: the last state stays, and the terminal is restored', async t => {
	const fake = new FakeMachine(t);
	fake.map(1, 7);
	await fake.start();
	const config = path.join(folder(t), 'config.yaml');
	fs.writeFileSync(config, '');
	const program = startProgram({
		file: process.execPath,
		args: [CLI, 'qemu', fake.socket, '--every', '50ms', '--config', config],
		columns: 100,
		rows: 30,
	});
	t.after(() => program.close());
	await program.until('DOMAIN 5 ─ nvme0 ─ 1 page');
	fake.map(5, 9);
	await program.until('DOMAIN 5 ─ nvme0 ─ 2 pages');
	fake.kill();
	await program.until('last seen ');
	await program.until('start QEMU with -qmp');
	assert.match(screenText(program.terminal), /DOMAIN 5 ─ nvme0 ─ 2 pages/);
	fake.map(6, 20);
	await fake.start();
	await program.until('DOMAIN 5 ─ nvme0 ─ 3 pages');
	await program.until('qemu vm1 is back.');
	fake.kill();
	await program.until('last seen ');
	program.write('q');
	const left = () => program.chunks.map(({data}) => data).join('');
	for (let waited = 0; !left().includes('\x1b[?1049l'); waited++) {
		assert.ok(waited < 200, 'it leaves the alternate screen');
		await new Promise(resolve => setTimeout(resolve, 20));
	}
});
