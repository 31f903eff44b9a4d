import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {treeAt} from '../../../source/live/host/capture.js';
import {hostFacts} from '../../../source/live/host/describe.js';
import {verdictText} from '../../../source/live/host/groups.js';
import {isListing} from '../../../source/live/host/listing.js';
import {preflight} from '../../../source/live/host/preflight/preflight.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {Tree} from '../../../source/live/host/tree.js';
import {runProgram} from '../../helpers/host-tree.js';
import {folder} from '../../helpers/lab.js';

const DEVICES: readonly [group: number, line: string][] = [
	[0, '00:00.0 Host bridge [0600]: Intel Corporation 8th Gen Core Host Bridge [8086:3ec2] (rev 07)'],
	[1, '00:01.0 PCI bridge [0604]: Intel Corporation PCIe Controller (x16) [8086:1901] (rev 07)'],
	[
		1,
		'01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GP104 [GeForce GTX 1080] [10de:1b80] (rev a1)',
	],
	[
		1,
		'01:00.1 Audio device [0403]: NVIDIA Corporation GP104 High Definition Audio Controller [10de:10f0] (rev a1)',
	],
	[12, '00:14.0 USB controller [0c03]: Intel Corporation Cannon Lake PCH [8086:a36d] (rev 10)'],
];
/** `IOMMU Group 1:` and lines with a tab below. */
const TABBED = [0, 1, 12]
	.map(
		number =>
			`IOMMU Group ${number}:\n${DEVICES.filter(([group]) => group === number)
				.map(([, line]) => `\t${line}\n`)
				.join('')}`,
	)
	.join('');
const ONE_LINE = DEVICES.map(([group, line]) => `IOMMU Group ${group} ${line}\n`).join('');
/** Without class codes: the id first, the class and the name in columns. */
const COLUMNS = `Group 0:	[8086:3ec2]     00:00.0  Host bridge                              8th Gen Core Host Bridge
Group 1:	[8086:1901]     00:01.0  PCI bridge                               PCIe Controller (x16)
	[10de:1b80] [R] 01:00.0  VGA compatible controller                GP104 [GeForce GTX 1080]
	[10de:10f0]     01:00.1  Audio device                             GP104 High Definition Audio Controller
Group 12:	[8086:a36d]     00:14.0  USB controller                           Cannon Lake PCH
`;

async function read(t: {after: (work: () => void) => void}, text: string) {
	const file = path.join(folder(t), 'groups.txt');
	fs.writeFileSync(file, text);
	const tree = new Tree(treeAt(file)());
	return {file, tree, host: await readHost(tree)};
}

for (const [name, text] of Object.entries({TABBED, ONE_LINE, COLUMNS}))
	test(`a listing as scripts print it: ${name}`, async t => {
		const {host, tree} = await read(t, text);
		assert.deepEqual(
			host.groups.map(({number, devices}) => [number, devices.map(({id}) => id)]),
			[
				[0, ['0000:00:00.0']],
				[1, ['0000:00:01.0', '0000:01:00.0', '0000:01:00.1']],
				[12, ['0000:00:14.0']],
			],
		);
		assert.deepEqual(host.groups.map(verdictText), [
			'Group 0 has only bridges',
			'Group 1 goes to a VM as a whole: 01:00.0 VGA controller, 01:00.1 audio device',
			'Group 12 has one device, which can be passed through alone',
		]);
		const card = host.devices.find(({id}) => id === '0000:01:00.0');
		assert.equal(card?.ids, '10de:1b80');
		assert.match(card?.product ?? '', /GP104 \[GeForce GTX 1080\]$/);
		// What the listing does not say is not said.
		assert.deepEqual(host.findings, []);
		assert.ok(hostFacts(host).groups.every(({devices}) => devices.every(({whose}) => whose === undefined)));
		assert.match(
			host.gaps.map(({what}) => what).join(),
			/^drivers: the listing has none,units, default domains/,
		);
		assert.throws(() => preflight(tree, host, '01:00.0'), /too little for --device/);
	});

test('with drivers it shows who is in the way', async t => {
	const text = TABBED.replace(/(01:00\.0 .*\n)/, '$1\t\tKernel driver in use: vfio-pci\n').replace(
		/(01:00\.1 .*\n)/,
		'$1\t\tSubsystem: x [1043:8592]\n\t\tKernel driver in use: snd_hda_intel\n',
	);
	const {host} = await read(t, text);
	assert.equal(
		verdictText(host.groups[1]),
		'Group 1 cannot be passed through: the host uses 01:00.1 audio device (snd_hda_intel)',
	);
	assert.deepEqual(
		host.findings.map(({id}) => id),
		['shared:1'],
	);
});

test('other texts are no listings, and one without devices is refused', async t => {
	for (const text of [
		'',
		'Group photo\n',
		'hello 01:00.0 x\n',
		'pci 0000:01:00.0: Adding to iommu group 1\n',
	])
		assert.equal(isListing(text), false, text);
	assert.ok(isListing('\u001b[1mIOMMU Group 3:\u001b[0m\n'));
	await assert.rejects(
		read(t, 'IOMMU Group 1:\nIOMMU Group 2:\n'),
		/names groups and no devices; print each/,
	);
});

test('the program shows a listing, by --root and by decode', async t => {
	const {file} = await read(t, ONE_LINE);
	const shown = runProgram(['host', '--root', file]);
	assert.match(shown.stdout, /a listing of groups · 3 groups[\s\S]*Group 1 goes to a VM as a whole/);
	const decoded = runProgram(['decode', file, '--json']);
	assert.equal(JSON.parse(decoded.stdout).groups.length, 3);
});
