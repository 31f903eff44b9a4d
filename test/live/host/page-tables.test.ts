import assert from 'node:assert/strict';
import {test} from 'node:test';
import {readHost} from '../../../source/live/host/host.js';
import {type Source, Tree} from '../../../source/live/host/tree.js';
import {filesOf, type Machine} from '../../helpers/host-tree.js';

const FOLDER = '/sys/kernel/debug/iommu/intel';
const word = (n: number) => `0x${n.toString(16).padStart(16, '0')}`;
const row = (pfn: number, ...words: number[]) =>
	`0x${pfn.toString(16).padStart(13, '0')} |\t${words.map(word).join('\t')}\n`;
const HEAD = 'IOVA_PFN\t\tPML5E\t\t\tPML4E\t\t\tPDPE\t\t\tPDE\t\t\tPTE\n';
const TABLES = `${HEAD}${row(0x8d800, 0, 0x1017f9003, 0x1017fa003, 0x1017fb003, 0x8d800003)}${row(0x8da00, 0, 0x1017f9003, 0x1017fa003, 0x8da00083, 0)}\n`;
/** As print_tbl_walk writes a row of dmar_translation_struct. */
const context = (id: string, lo: number, pasid = -1, entry = 0) =>
	`${id}\t${word(0)}:${word(0x101d5e001)}\t${word(0x102)}:${word(lo)}\t${String(pasid).padEnd(6)}\t${word(0)}:${word(0)}:${word(entry)}\n`;

/** What is read of a machine's page tables, and which files were opened for it. */
function tablesOf(machine: Machine) {
	const source = filesOf(machine);
	const opened: string[] = [];
	const watched: Source = {
		refused: source.refused,
		kind: path => source.kind(path),
		list: path => source.list(path),
		link: path => source.link(path),
		read: (path, limit) => {
			opened.push(path);
			return source.read(path, limit);
		},
	};
	const {tables} = readHost(new Tree(watched));
	return {tables, opened: opened.filter(path => path.endsWith('domain_translation_struct'))};
}

test('before 6.7 one file has the tables of all devices', () => {
	const {tables} = tablesOf({
		'/proc/sys/kernel/osrelease': '6.1.0\n',
		[`${FOLDER}/domain_translation_struct`]: `Device 0000:00:02.0 @0x1017f8000\n${TABLES}Device 0000:00:03.0 @0x1017f8000\n${HEAD}`,
	});
	assert.deepEqual(tables, [
		{id: '0000:00:02.0', pages: 513, entries: 2, cut: false},
		{id: '0000:00:03.0', pages: 0, entries: 0, cut: false},
	]);
});

test('from 6.7 on only a device that is known to have tables is asked for them', () => {
	const machine = {
		'/proc/sys/kernel/osrelease': '6.12.0\n',
		...Object.fromEntries(
			['0000:00:02.0', '0000:00:03.0', '0000:00:04.0', '0000:00:05.0', '0000:00:06.0', '0001:00:06.0'].map(
				id => [`${FOLDER}/${id}/domain_translation_struct`, `Device ${id} @0x1017f8000\n${TABLES}`],
			),
		),
	};
	const contexts = [
		'IOMMU dmar0: Root Table Address: 0x101d5e000\n',
		context('00:02.0', 0x101d63001),
		context('00:03.0', 0x9),
		context('00:04.0', 0x1, 0, 0x101d63081),
		context('00:05.0', 0x1, 0, 0x101),
		// Of two segments: one is in pass-through, and the rows do not say which.
		context('00:06.0', 0x101d63001),
		context('00:06.0', 0x9),
	].join('');
	const {tables, opened} = tablesOf({...machine, [`${FOLDER}/dmar_translation_struct`]: contexts});
	assert.deepEqual(opened, [
		`${FOLDER}/0000:00:02.0/domain_translation_struct`,
		`${FOLDER}/0000:00:04.0/domain_translation_struct`,
	]);
	assert.deepEqual(
		tables.map(each => ('why' in each ? each.why : each.pages)),
		[513, 'pass-through', 513, 'pass-through', 'pass-through', 'pass-through'],
	);
	// Where the contexts are not to be had, or make no sense, nothing is opened; nor where the kernel is unknown.
	assert.deepEqual(tablesOf(machine).opened, []);
	assert.deepEqual(
		tablesOf({...machine, [`${FOLDER}/dmar_translation_struct`]: '00:02.0\tgarbage\n'}).opened,
		[],
	);
	const long = contexts.repeat(8000);
	assert.deepEqual(tablesOf({...machine, [`${FOLDER}/dmar_translation_struct`]: long}).opened, []);
	const {'/proc/sys/kernel/osrelease': _, ...unknown} = machine;
	assert.deepEqual(tablesOf({...unknown, [`${FOLDER}/domain_translation_struct`]: TABLES}).opened, []);
});
