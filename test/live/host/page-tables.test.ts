import assert from 'node:assert/strict';
import {test} from 'node:test';
import type {DeviceTables} from '../../../source/live/host/page-tables.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {type Source, Tree} from '../../../source/live/host/tree.js';
import {recordedTables as recorded} from '../../helpers/host-tables.js';
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
async function tablesOf(machine: Machine) {
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
	const {tables} = await readHost(new Tree(watched));
	return {tables, opened: opened.filter(path => path.endsWith('domain_translation_struct'))};
}

/** Those that a kernel has for each function, and that are not in what was recorded since nobody opened them. */
const unopened = (...ids: string[]): Machine =>
	Object.fromEntries(ids.map(id => [`${FOLDER}/${id}/domain_translation_struct`, '']));

const brief = (tables: readonly DeviceTables[]) =>
	tables.map(each =>
		'why' in each
			? `${each.id} ${each.why}`
			: `${each.id} @${each.root.toString(16)} ${each.pages} by ${each.entries}${each.cut ? ' cut' : ''}`,
	);
const runs = (tables: readonly DeviceTables[], id: string) => {
	const found = tables.find(each => each.id === id);
	assert.ok(found !== undefined && !('why' in found));
	return found.mappings.map(
		({iova, hpa, pages, read, write}) =>
			`${iova.toString(16)} ${hpa.toString(16)} ${pages} ${read ? 'r' : '-'}${write ? 'w' : '-'}`,
	);
};

test('6.12 has a file per device; only one per domain is opened', async () => {
	const machine = {
		...recorded('6.12', '6.12.117'),
		...unopened('0000:00:05.0', '0000:00:1f.2', '0000:00:1f.3'),
	};
	const {tables, opened} = await tablesOf(machine);
	assert.deepEqual(brief(tables), [
		'0000:00:00.0 @817000 0 by 0',
		'0000:00:03.0 @81b000 7 by 7',
		'0000:00:04.0 @3bbf000 3590 by 13',
		'0000:00:05.0 @3bbf000 3590 by 13',
		'0000:00:06.0 @825000 6 by 6',
		'0000:00:1f.0 @82b000 7 by 7',
		'0000:00:1f.2 @82b000 7 by 7',
		'0000:00:1f.3 @82b000 7 by 7',
	]);
	assert.deepEqual(
		opened.map(each => each.slice(FOLDER.length + 1, -'/domain_translation_struct'.length)),
		['0000:00:00.0', '0000:00:03.0', '0000:00:04.0', '0000:00:06.0', '0000:00:1f.0'],
	);
	assert.deepEqual(runs(tables, '0000:00:05.0'), [
		'0 3e00000 2 rw',
		'c0000 3dd8000 1 r-',
		'e0000 3db0000 1 r-',
		'100000 3f00000 1 rw',
		'200000 3a000000 1024 rw',
		'600000 39c00000 1024 rw',
		'a00000 39800000 1024 rw',
		'e00000 39400000 512 rw',
		'fffff000 3dcf000 1 r-',
	]);
});

test('6.12 in scalable mode has the root in the PASID entry', async () => {
	const machine = {...recorded('6.12-scalable', '6.12.117'), ...unopened('0000:00:1f.2', '0000:00:1f.3')};
	const {tables, opened} = await tablesOf(machine);
	assert.deepEqual(brief(tables), [
		'0000:00:00.0 @820000 0 by 0',
		'0000:00:03.0 @824000 6 by 6',
		'0000:00:04.0 @829000 0 by 0',
		'0000:00:05.0 @82d000 0 by 0',
		'0000:00:06.0 @831000 0 by 0',
		'0000:00:1f.0 @837000 7 by 7',
		'0000:00:1f.2 @837000 7 by 7',
		'0000:00:1f.3 @837000 7 by 7',
	]);
	assert.equal(opened.length, 6);
});

test('6.1 has one file, which lists a group once per device', async () => {
	const {tables} = await tablesOf(recorded('6.1', '6.1.192'));
	assert.deepEqual(brief(tables), [
		'0000:00:00.0 @943000 0 by 0',
		'0000:00:03.0 @94c000 6 by 6',
		'0000:00:04.0 @3e059000 3591 by 14',
		'0000:00:05.0 @3e059000 3591 by 14',
		'0000:00:06.0 @9de000 6 by 6',
		'0000:00:1f.0 @a2c000 7 by 7',
	]);
	assert.deepEqual(runs(tables, '0000:00:04.0'), [
		'0 3e200000 2 rw',
		'c0000 34207000 1 r-',
		'c1000 34207000 1 r-',
		'c2000 34207000 1 r-',
		'c3000 34207000 1 r-',
		'200000 3d800000 1024 rw',
		'600000 3d400000 1024 rw',
		'a00000 3d000000 1024 rw',
		'e00000 3cc00000 512 rw',
		'fffff000 34207000 1 r-',
	]);
});

test('a device in pass-through has no tables, whatever is listed, and its file is not opened', async () => {
	assert.deepEqual(brief((await tablesOf(recorded('6.1-pass-through', '6.1.192'))).tables), [
		'0000:00:00.0 pass-through',
		'0000:00:03.0 pass-through',
		'0000:00:04.0 pass-through',
		'0000:00:05.0 pass-through',
		'0000:00:06.0 pass-through',
		'0000:00:1f.0 pass-through',
	]);
	const ids = ['00:00.0', '00:03.0', '00:04.0', '00:05.0', '00:06.0', '00:1f.0', '00:1f.2', '00:1f.3'];
	const machine = {...recorded('6.12-pass-through', '6.12.117'), ...unopened(...ids.map(id => `0000:${id}`))};
	const {tables, opened} = await tablesOf(machine);
	assert.deepEqual(
		brief(tables),
		ids.map(id => `0000:${id} pass-through`),
	);
	assert.deepEqual(opened, []);
});

test('from 6.7 on, only the files of devices known to have tables are opened', async () => {
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
	const {tables, opened} = await tablesOf({...machine, [`${FOLDER}/dmar_translation_struct`]: contexts});
	assert.deepEqual(opened, [
		`${FOLDER}/0000:00:02.0/domain_translation_struct`,
		`${FOLDER}/0000:00:04.0/domain_translation_struct`,
	]);
	assert.deepEqual(
		tables.map(each => ('why' in each ? each.why : each.pages)),
		[513, 'pass-through', 513, 'pass-through', 'pass-through', 'pass-through'],
	);
	// Where the contexts are not to be had, or make no sense, nothing is opened; nor where the kernel is unknown.
	assert.deepEqual((await tablesOf(machine)).opened, []);
	assert.deepEqual(
		(await tablesOf({...machine, [`${FOLDER}/dmar_translation_struct`]: '00:02.0\tgarbage\n'})).opened,
		[],
	);
	const long = contexts.repeat(8000);
	assert.deepEqual((await tablesOf({...machine, [`${FOLDER}/dmar_translation_struct`]: long})).opened, []);
	const {'/proc/sys/kernel/osrelease': _, ...unknown} = machine;
	assert.deepEqual(
		(await tablesOf({...unknown, [`${FOLDER}/domain_translation_struct`]: TABLES})).opened,
		[],
	);
});

test('tables that are gone or refused are unreadable, not empty', async () => {
	const {tables} = await tablesOf({
		'/proc/sys/kernel/osrelease': '6.12.0\n',
		[`${FOLDER}/dmar_translation_struct`]: context('00:02.0', 0x101d63001) + context('00:03.0', 0x101d64001),
		[`${FOLDER}/0000:00:02.0/domain_translation_struct`]: '',
		[`${FOLDER}/0000:00:03.0/domain_translation_struct`]: {refused: true},
	});
	assert.deepEqual(brief(tables), ['0000:00:02.0 unreadable', '0000:00:03.0 unreadable']);
});

test('with two segments a row’s root is ambiguous: each device’s file is opened', async () => {
	const file = (id: string) => `${FOLDER}/${id}/domain_translation_struct`;
	const {tables} = await tablesOf({
		'/proc/sys/kernel/osrelease': '6.12.0\n',
		[`${FOLDER}/dmar_translation_struct`]: context('00:02.0', 0x1017f8001) + context('00:03.0', 0x1017f8001),
		[file('0000:00:03.0')]: `Device 0000:00:03.0 @0x1017f8000\n${TABLES}`,
		[file('0000:00:02.0')]: `Device 0000:00:02.0 @0x1017f8000\n${TABLES}`,
		[file('0001:00:02.0')]: `Device 0001:00:02.0 @0x2017f8000\n${HEAD}`,
	});
	assert.deepEqual(brief(tables), [
		'0000:00:02.0 @1017f8000 513 by 2',
		'0000:00:03.0 @1017f8000 513 by 2',
		'0001:00:02.0 @2017f8000 0 by 0',
	]);
});

test('tables that are too long are read in part and marked as cut', async () => {
	const rows = Array.from({length: 12_000}, (_, i) => row(2 * i, 0, 1, 1, 1, 0x1003)).join('');
	const {tables} = await tablesOf({
		'/proc/sys/kernel/osrelease': '6.12.0\n',
		[`${FOLDER}/dmar_translation_struct`]: context('00:02.0', 0x101d63001),
		[`${FOLDER}/0000:00:02.0/domain_translation_struct`]: `Device 0000:00:02.0 @0x101d63000\n${HEAD}${rows}`,
	});
	const [table] = tables;
	assert.ok(table && !('why' in table));
	assert.ok(table.cut);
	assert.ok(table.entries > 9000 && table.entries < 12_000);
	assert.equal(table.mappings.length, table.entries);
});
