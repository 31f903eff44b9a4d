// A host to look at that was captured, with a log of faults.

import path from 'node:path';
import {treeAt} from '../../source/live/host/capture.js';
import {deviceLookup} from '../../source/live/host/device-lookup.js';
import {HostMachine} from '../../source/live/host/machine.js';
import {preflight} from '../../source/live/host/preflight/preflight.js';
import {readHost} from '../../source/live/host/read-host.js';
import {Tree} from '../../source/live/host/tree.js';
import {KernelLog} from '../../source/live/kernel-log.js';

const LIVE = path.resolve(import.meta.dirname, '../live');

/** The machine of intel.tar, and the faults of a log as VT-d has them. */
export async function capturedHost(
	log = path.relative('.', path.join(LIVE, 'host/faults.log')),
): Promise<HostMachine> {
	const source = treeAt(path.join(LIVE, 'host/intel.tar'))();
	const read = () => readHost(new Tree(source));
	const machine = await HostMachine.open({
		title: 'host intel.tar',
		read,
		clock: () => '12:34:56',
		now: () => 0,
		log: new KernelLog(
			log,
			deviceLookup(true, () => new Tree(source)),
		),
		preflight: (host, device) => preflight(new Tree(source), host, device),
		gaps: [],
	});
	await machine.readLog();
	return machine;
}
