// Runs as root on a machine with an IOMMU: looks at the tables in its own memory often while its disks map and
// unmap, and then as far as each setting of the kernel lets it. A line of JSON on standard output has what was seen.

import {spawn} from 'node:child_process';
import fs from 'node:fs';
import {openTables} from '../../source/live/host/kcore/open-tables.js';
import type {TablesState} from '../../source/live/host/machine.js';
import {readHost} from '../../source/live/host/read-host.js';
import {Disk, Tree} from '../../source/live/host/tree.js';

/** So many looks at least, and until the disks have been seen at work. */
const LOOKS = Number(process.argv[2]);
const CHANGES = 10;
const MOST_LOOKS = 3000;
/** Time stands still, so that each look is due. */
const now = () => 0;
const host = await readHost(new Tree(new Disk('/')));
const errors: string[] = [];

/** The domains, whose VM they are, and their pages. */
const summary = ({domains}: TablesState) =>
	domains.map(({id, vm, mappings = []}) => ({
		id,
		vm,
		pages: mappings.reduce((sum, {pages}) => sum + pages, 0),
	}));

const open = async () => {
	const tables = await openTables(now);
	return 'what' in tables ? tables.how : tables;
};

/** What can be seen from here: the pages of each domain, or a sentence. */
async function seen() {
	const tables = await open();
	if (typeof tables === 'string') return tables;
	const found = summary(await tables.look(host));
	tables.close();
	return found;
}

const tables = await open();
if (typeof tables === 'string') throw new Error(tables);
const quiet = summary(await tables.look(host));
const disks = fs.readdirSync('/sys/block').filter(name => /^(nvme|vd)/.test(name));
const busy = disks.map(name =>
	spawn(
		'sh',
		['-c', `while :; do dd if=/dev/${name} of=/dev/null bs=2M count=50 iflag=direct 2>/dev/null; done`],
		{
			detached: true,
			stdio: 'ignore',
		},
	),
);
for (const name of disks)
	while (!/[1-9]/.test(fs.readFileSync(`/sys/block/${name}/inflight`, 'utf8')))
		await new Promise(resolve => setTimeout(resolve, 10));
const wrong = new Set<string>();
let changed = 0;
let last: TablesState['domains'] = [];
const began = performance.now();
let looks = 0;
for (; looks < MOST_LOOKS && (looks < LOOKS || changed <= CHANGES); looks++) {
	try {
		const look = await tables.look(host);
		const {owned, domains} = look;
		const isMemory = (from: number, to: number) =>
			owned.some(({hpa, pages}) => from >= hpa && to <= hpa + pages * 4096);
		for (const {id, mappings = []} of domains)
			for (const {iova, hpa, pages} of mappings) {
				// Firmware's region of the ISA bridge is mapped 1:1, wherever memory is.
				if (iova === hpa && hpa < 1 << 24) continue;
				if (!isMemory(hpa, hpa + pages * 4096)) wrong.add(`${id} ${iova.toString(16)} ${hpa.toString(16)}`);
			}
		if (domains.some((domain, i) => domain !== last[i])) changed++;
		last = domains;
	} catch (error) {
		errors.push(String(error));
	}
	await new Promise(resolve => setTimeout(resolve, 1));
}
const milliseconds = (performance.now() - began) / looks;
for (const {pid = 0} of busy) process.kill(-pid);
tables.close();

fs.writeFileSync('/proc/sys/kernel/kptr_restrict', '2');
const lock = (level: string) => fs.writeFileSync('/sys/kernel/security/lockdown', level);
lock('integrity');
const restricted = await seen();
process.seteuid?.(65534);
const user = await seen();
process.seteuid?.(0);
lock('confidentiality');
const confidentiality = await seen();
console.log(
	`SEEN ${JSON.stringify({quiet, looks, milliseconds, changed, wrong: [...wrong], errors, restricted, user, confidentiality})}`,
);
