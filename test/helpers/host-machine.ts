// A host to look at that was captured, with a log of faults.

import path from 'node:path';
import {readingHost} from '../../source/live/host/host.js';
import {HostMachine} from '../../source/live/host/machine.js';
import {treeAt} from '../../source/live/host/open.js';
import {Tree} from '../../source/live/host/tree.js';
import {asking} from '../../source/live/host-devices.js';
import {KernelLog} from '../../source/live/kernel-log.js';

const LIVE = path.resolve(import.meta.dirname, '../live');

/** The machine of intel.tar, and the faults of a log as VT-d has them. */
export async function capturedHost(
	log = path.relative('.', path.join(LIVE, 'host/faults.log')),
): Promise<HostMachine> {
	const source = treeAt(path.join(LIVE, 'host/intel.tar'))();
	const read = () => readingHost(new Tree(source));
	const machine = new HostMachine({
		title: 'host intel.tar',
		read,
		clock: () => '12:34:56',
		now: () => 0,
		log: new KernelLog(
			log,
			asking(true, () => new Tree(source)),
		),
		gaps: [],
	});
	await machine.readLog();
	return machine;
}
