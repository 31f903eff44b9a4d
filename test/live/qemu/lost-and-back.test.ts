// What becomes of a QEMU while it is looked at: a real one is paused, reset, stopped, killed, started again and ended.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setTimeout} from 'node:timers/promises';
import {QemuMachine} from '../../../source/live/qemu/machine.js';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import type {MachineState} from '../../../source/machine/observed.js';
import {boot, findGuest, VTD} from '../../helpers/qemu.js';
import {until} from '../../helpers/until.js';

const guest = findGuest();
const options = {timeout: 240_000, skip: typeof guest === 'string' && guest};

/** Linux has its disk at work, by tables of its own. */
const reads = ({lost, domains, devices}: MachineState): boolean => {
	const id = devices.find(({name}) => name === 'nvme0')?.domain;
	return lost === undefined && domains.some(domain => domain.id === id && domain.mappings?.length);
};

test(
	'a QEMU that is paused, reset, stopped, killed and started again is shown as it is',
	options,
	async t => {
		assert.ok(typeof guest !== 'string');
		const {qmp: socket, other, process, again} = await boot(t, guest, VTD);
		const qmp = await Qmp.connect(socket);
		t.after(() => qmp.close());
		const machine = await QemuMachine.open(other, {every: 50, clock: () => 'now'});
		t.after(() => machine.close());
		machine.watch(() => {});

		const refused = assert.rejects(
			Qmp.connect(other),
			/is another program connected to it, or is QEMU stopped\?$/,
		);
		await qmp.execute('stop');
		await until(machine, ({title}) => title === 'qemu (paused)');
		await qmp.execute('cont');
		await until(machine, ({title}) => title === 'qemu');
		await refused;

		await qmp.execute('set-action', {reboot: 'reset'});
		await qmp.execute('system_reset');
		const {lost, devices} = await until(machine, ({unit}) => unit?.enabled === false);
		assert.equal(lost, undefined);
		assert.ok(devices.length > 0 && devices.every(({untranslated}) => untranslated));
		await until(machine, reads);

		process.kill('SIGSTOP');
		const stopped = await until(machine, state => state.lost);
		assert.match(stopped.lost?.why ?? '', /no answer from QEMU within 5 s; .* Is its process stopped\?$/);
		assert.ok(reads({...stopped, lost: undefined}), 'the last picture stays');
		process.kill('SIGCONT');
		await until(machine, state => state.lost === undefined);

		process.kill('SIGKILL');
		const killed = await until(machine, state => state.lost);
		assert.ok(reads({...killed, lost: undefined}), 'the last picture stays');
		again();
		const holder = await firstClient(other);
		await until(machine, state =>
			state.lost?.why.endsWith('is another program connected to it, or is QEMU stopped?'),
		);
		assert.equal(machine.state().domains, killed.domains);
		holder.close();
		const back = await until(machine, reads);
		assert.notDeepEqual(back.domains, killed.domains);

		const last = await Qmp.connect(socket);
		await last.execute('quit');
		last.close();
		await until(machine, state => state.lost?.why.includes(' does not exist; '));
		assert.equal(machine.state().domains.length, back.domains.length);
	},
);

/** Who connects before anybody else has the monitor. */
async function firstClient(socket: string): Promise<Qmp> {
	for (let tries = 0; ; tries++) {
		try {
			return await Qmp.connect(socket);
		} catch (error) {
			if (tries === 500) throw error;
			await setTimeout(10);
		}
	}
}
