// What becomes of it when the rights to a QEMU's socket and memory are taken away. Root may do everything, so it is
// tried as nobody.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {QemuMachine} from '../../../source/live/qemu/machine.js';
import type {MachineState} from '../../../source/machine/observed.js';
import {FakeMachine} from '../../helpers/fake-machine.js';
import {until} from '../../helpers/until.js';

const NOBODY = 65534;

/** Does something as who started the tests. */
function asOwner<T>(act: () => T): T {
	if (process.getuid?.() !== 0) return act();
	process.seteuid?.(0);
	try {
		return act();
	} finally {
		process.seteuid?.(NOBODY);
	}
}

const mapped = ({lost, domains}: MachineState): number | undefined =>
	lost === undefined ? domains[0]?.mappings?.[0]?.hpa : undefined;

test('permissions count when a file is opened: open files stay open, refused ones are a sentence', async t => {
	// Its folder is removed by whose it is.
	t.after(() => process.getuid?.() === 0 && process.seteuid?.(0));
	const fake = new FakeMachine(t);
	const allow = (file: string, mode: number) => asOwner(() => fs.chmodSync(file, mode));
	const start = (mode: number) =>
		asOwner(() => {
			const started = fake.start();
			allow(fake.socket, mode);
			return started;
		});
	allow(path.dirname(fake.socket), 0o755);
	allow(fake.memory, 0o644);
	fake.map(1, 7);
	await start(0o666);
	const machine = await QemuMachine.open(fake.socket, {every: 10, clock: () => 'now'});
	t.after(() => machine.close());
	machine.watch(() => {});
	const how = () => machine.state().notes?.[0] ?? '';
	assert.match(how(), /memory is read from /);

	allow(fake.memory, 0);
	allow(fake.socket, 0);
	fake.map(1, 8);
	await until(machine, state => mapped(state) === 0x8000);
	assert.match(how(), /memory is read from /);

	asOwner(() => fake.kill());
	await start(0);
	const {domains} = await until(machine, ({lost}) =>
		lost?.why.includes('permission denied; run dmascope as'),
	);
	assert.equal(domains[0].mappings?.[0].hpa, 0x8000);

	allow(fake.socket, 0o666);
	fake.map(1, 9);
	await until(machine, state => mapped(state) === 0x9000);
	assert.match(how(), /through QEMU’s monitor, .* permission denied; run dmascope as the user who runs QEMU/);

	allow(fake.memory, 0o644);
	fake.map(1, 10);
	await until(
		machine,
		state => mapped(state) === 0xa000 && state.notes?.[0].includes('memory is read from '),
	);
});
