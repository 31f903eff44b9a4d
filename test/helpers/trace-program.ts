// Runs as root on a machine with an IOMMU and an NVMe disk: traces it while the disk is read and its driver lets go of
// it and takes it again. A line of JSON on standard output has what was seen.

import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import {Tracing} from '../../source/live/host/tracing.js';
import type {TraceEvent} from '../../source/machine/trace.js';

const INSTANCES = '/sys/kernel/tracing/instances';
const DRIVER = '/sys/bus/pci/drivers/nvme';

const began = Number(process.hrtime.bigint()) / 1e9;
const before = fs.readdirSync(INSTANCES);
const tracing = Tracing.open();
const during = fs.readdirSync(INSTANCES);
const drained = (): TraceEvent[] => {
	const all: TraceEvent[] = [];
	for (;;) {
		const events = tracing.poll();
		if (events.length === 0) return all;
		all.push(...events);
	}
};
drained();
execFileSync('dd', ['if=/dev/nvme0n1', 'of=/dev/null', 'bs=16k', 'count=16', 'iflag=direct'], {
	stdio: 'ignore',
});
const read = drained();
const [device] = fs.readdirSync(DRIVER).filter(name => /^\d/.test(name));
fs.writeFileSync(`${DRIVER}/unbind`, device);
const unbound = drained();
fs.writeFileSync(`/sys/bus/pci/devices/${device}/remove`, '1');
fs.writeFileSync('/sys/bus/pci/rescan', '1');
const again = drained();
tracing.close();
const ended = Number(process.hrtime.bigint()) / 1e9;
const after = fs.readdirSync(INSTANCES);
const {missed, lost} = tracing;
console.log(
	`SEEN ${JSON.stringify({began, ended, before, during, after, device, read, unbound, again, missed, lost})}`,
);
