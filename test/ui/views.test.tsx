import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setTimeout as wait} from 'node:timers/promises';
import {dispatch} from '../../source/ui/state/dispatch.js';
import {focusOn} from '../../source/ui/state/store.js';
import {panelsOf, VIEWS, viewIdsOf} from '../../source/ui/state/views.js';
import {openTestLab} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

test('at 60×15 each view shows one panel, and Tab the next', async t => {
	const {press} = openDashboard(t, openTestLab(t), 60, 15);
	for (const i of viewIdsOf('lab').keys()) {
		const lines = (await press(`alt-${i + 1}`)).split('\n');
		assert.equal(lines.filter(line => line.startsWith('╭')).length, 1, VIEWS[i]);
		assert.ok(lines.every(line => line.length <= 60));
		assert.match(lines[0], new RegExp(`${i + 1} ${VIEWS[i]}`));
		assert.match(lines[0], / 8/);
	}
	assert.match(await press('alt-1', 'tab'), /HOST DOMAIN/);
});

test('Enter on a row opens its walk; Esc goes back one layer at a time', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	await press('alt-2', '/', '-', '-', 'enter');
	assert.match(await press('down'), /22 rows of 97: --/);
	assert.match(
		await press('enter'),
		/WALK ─ xhci0 0:20:0 writes 0x01b70000[\s\S]*✗ FAULT PTE Write access is not set/,
	);
	await press('alt-2', 'z');
	assert.equal(store.getState().zoom, true);
	await press('escape');
	assert.equal(store.getState().zoom, false);
	await press('escape');
	assert.equal(store.getState().filters.host, undefined);
	await press('escape');
	assert.equal(store.getState().view, 'overview');
	await press('escape');
	assert.equal(store.getState().focus, 'model');
});

test('a filter works while it is typed, says what is wrong, and can be dropped', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	assert.match(await press('alt-2', '/', 'v', 'm', '1'), /rows of 97: vm1/);
	await press('escape');
	assert.equal(store.getState().filters.host, undefined);
	await press('/', '0', 'x', 'z', 'enter');
	assert.ok(store.getState().prompt?.problem);
	assert.equal(store.getState().prompt?.text, '0xz');
});

test('s sorts, a goes to an address', async t => {
	const {press} = openDashboard(t, openTestLab(t), 120, 40);
	assert.match(await press('alt-2', 's'), /Sorted by pages/);
	await press('s', 's');
	assert.match(await press('a', '0x2670004', 'enter'), /0x02670000–0x0296ffff/);
	assert.match(await press('a', 'zz', 'enter'), /"zz" is no address/);
});

test('the palette finds commands by their words and runs them', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press(':', 'p', 'o', 'l'), /p +policy +Switch to the next policy/);
	await press('enter');
	assert.equal(store.getState().state.policy, 'keep');
	assert.equal(store.getState().overlay, undefined);
	await press(':', 'escape');
	assert.equal(store.getState().prompt, undefined);
});

test('the tour tells the story of PR 260178 in ten steps, and each goes as it says', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('t'), /SCENARIO tour ─ 0 of 10/);
	for (let step = 0; step < 10; step++) await press(step % 2 === 0 ? '.' : ' ');
	const {play} = store.getState();
	assert.deepEqual(
		play?.taken.map(({unmet}) => unmet),
		Array(10).fill([]),
	);
	assert.match(await press('.'), /tour has ended/);
});

test('a press of the mouse focuses a panel and chooses its row, the wheel scrolls', async t => {
	const {store, press, point} = openDashboard(t, openTestLab(t), 100, 30);
	await press('alt-2');
	await point(60, 6, 'press');
	assert.deepEqual([store.getState().focus, store.getState().places.guest?.cursor], ['guest', 4]);
	const before = store.getState().places.host?.cursor ?? 0;
	assert.match(await point(10, 6, 'down'), /GUEST DOMAIN/);
	assert.equal(store.getState().places.host?.cursor, before + 3);
});

test('y copies the chosen row', async t => {
	const {press} = openDashboard(t, openTestLab(t), 100, 30);
	assert.match(await press('alt-2', 'y'), /Copied: ▸01b70000–01e5ffff.*vm0/);
});

test('Space has the guests work, + hurries them, Space pauses: then nothing moves', async t => {
	const {press, store, screen} = openDashboard(t, openTestLab(t, {policy: 'keep'}), 120, 40);
	await press('+', '+', '+', ' ');
	await new Promise(resolve => setTimeout(resolve, 450));
	assert.match(await press(' '), /TRAFFIC ─ paused[\s\S]*arrived/);
	const {revision, tally} = store.getState().state;
	assert.ok(tally.delivered > 20, `${tally.delivered}`);
	await new Promise(resolve => setTimeout(resolve, 250));
	await screen();
	assert.equal(store.getState().state.revision, revision);
});

test('a transfer under each policy, side by side; w compares requests by the guests instead', async t => {
	const {press, screen, store} = openDashboard(t, openTestLab(t), 80, 24);
	const compared = async () => {
		while ((store.getState().compared?.results.length ?? 0) < 3) await wait(5);
		return screen();
	};
	assert.match(await press('alt-6'), /COMPARE ─ the three policies[\s\S]*verdict +– +– +–/);
	await press('enter');
	const all = await compared();
	assert.match(all, /COMPARE ─ vm0 read, 8 sectors, LBA 0, 0x01000000/);
	assert.match(all, /verdict +LOST +DELIVERED +DELIVERED/);
	assert.match(all, /path +direct +direct +bounced/);
	assert.match(all, /host pages missing +16,384 +0 +16,384/);
	assert.doesNotMatch(all, /…│/, 'no row is cut');
	assert.doesNotMatch(all, / of \d+ ─╯/, 'no row is out of sight');
	// A second comparison takes the place of the first.
	await press('enter', 'w');
	const work = await compared();
	assert.match(work, /200 requests by the guests[\s\S]*verdict +LOST +DELIVERED +DELIVERED/);
	assert.match(work, /path +partly copied +partly copied +bounced/, 'not direct beside copied bytes');
	assert.match(work, /bytes arrived +1\.3 of 2\.1 MiB +all 2\.1 MiB +all 2\.1 MiB/);
});

test('every transfer is listed; the chosen one has its chain, and Enter walks its access', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	const first = await press('enter', 'alt-5');
	assert.match(first, /TRANSFERS ─ 3 delivered · 2 lost/);
	assert.match(first, /5 vm0 read, 8 sectors, LBA 0, 0x01000000 +lost +direct/);
	assert.match(first, /CHAIN of #5[\s\S]*LOST {2}Every layer reported success; 0 of 4,096 bytes arrived/);
	assert.match(first, /refused 0x02790000 4,096 bytes {2}now 73 74 61 6c 65/);
	assert.match(await press('down'), /CHAIN of #4[\s\S]*DELIVERED {2}16,384 of 16,384 bytes arrived/);
	await press('up', 'enter');
	assert.equal(store.getState().focus, 'chain');
	assert.match(await press('enter'), /WALK ─ ahci0 0:31:2 writes 0x02790000/);
});

test('another row is read from its beginning, however far the one before was scrolled', async t => {
	const {press} = openDashboard(t, openTestLab(t), 80, 24);
	const start = await press('enter', 'alt-5');
	assert.match(start, /LOST {2}Every layer/);
	assert.doesNotMatch(await press('tab', 'end'), /LOST {2}Every layer/);
	assert.match(await press('shift-tab', 'down'), /CHAIN of #4[\s\S]*DELIVERED {2}16,384/);
	assert.match(await press('up'), /CHAIN of #5[\s\S]*LOST {2}Every layer/);
});

test('the first line has whole parts, the most important ones at every width', async t => {
	const {screen, resize} = openDashboard(t, openTestLab(t), 60, 15);
	const heads = [(await screen()).split('\n')[0]];
	for (const [columns, rows] of [
		[80, 24],
		[120, 40],
		[200, 60],
	] as const)
		heads.push((await resize(columns, rows)).split('\n')[0]);
	const policies = '‹remove› keep  bounce';
	assert.match(heads[0], new RegExp(`^ dmascope ${policies} +1 overview  2 3 4 5 6 7 8$`));
	assert.match(heads[1], new RegExp(`^ dmascope policy ${policies}  vt-d · lab  .* 2 3 4 5 6 7 8$`));
	assert.match(heads[2], new RegExp(`^ dmascope ${policies}  vt-d  .* 2 domains 3 walk .* 8 diagnosis$`));
	assert.match(heads[3], /vt-d · lab · remove: wired pages unmapped .* 8 diagnosis$/);
	for (const head of heads) assert.doesNotMatch(head, /…/);
});

test('the chosen transfer stays chosen as others come', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	assert.match(await press('alt-5', 'down'), /CHAIN of #3/);
	dispatch(store, {do: 'read', vm: 'vm1', lba: 0, sectors: 1, segments: 1, gpa: 0x200000});
	assert.match(await press('z'), /5 vm1 read, 1 sector/);
	assert.match(await press('escape'), /CHAIN of #3/);
});

test('a fault is explained; on a wide screen its walk stands beside it', async t => {
	const {press, resize} = openDashboard(t, openTestLab(t), 80, 24);
	const faults = await press('enter', 'alt-7');
	assert.match(faults, /2 ahci0 +write +0x01b80000 +vm0 +2 PTE Write access is not set \(5\)/);
	assert.match(faults, /EXPLANATION[\s\S]*ahci0 \(0:31:2\)[\s\S]*D34607/);
	assert.match(await resize(200, 60), /EXPLANATION ─+╮╭ WALK ─ ahci0 0:31:2 writes 0x01b80000/);
	assert.match(await press('enter'), /WALK ─ ahci0 0:31:2 writes 0x01b80000/);
});

test('a finding has its cause, its cure, and what it names now; without findings the view says so', async t => {
	const {press} = openDashboard(t, openTestLab(t), 100, 30);
	const found = await press('alt-8');
	assert.match(found, /DIAGNOSIS ─ 2[\s\S]*CAUSE AND CURE[\s\S]*cause [\s\S]*cure /);
	assert.match(found, /now +vm0: 16,384 pages, wired, ppt0, virtio-blk on \/dev\/ada0/);
	assert.match(found, /0x01480000: vm0, not in the host domain/);
	assert.match(await press('p'), /✓ No problems found\./);
});

test('Enter on a device says what it reaches, and walks', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	focusOn(store, 'devices');
	const list = await press('z');
	const row = list.split('\n').findIndex(line => line.includes('ppt0')) - 3;
	assert.match(list, /ppt0 +vm0, domain 2 +16,384 pages of vm0, nothing else/);
	const walk = await press(...Array<string>(row).fill('down'), 'enter');
	assert.equal(store.getState().message.text, 'ppt0 reaches 16,384 pages of vm0, nothing else.');
	assert.match(walk, /WALK ─ ppt0[\s\S]*│ ppt0 reaches 16,384 pages of vm0, nothing else\./);
});

test('the footer offers Enter only where it opens something', async t => {
	const {press, store, screen} = openDashboard(t, openTestLab(t), 100, 30);
	const footer = async () => (await screen()).split('\n').at(-1);
	for (const [panel, opens] of [
		['host', true],
		['devices', true],
		['console', false],
		['scenario', true],
		['traffic', false],
	] as const) {
		focusOn(store, panel);
		assert.equal(/⏎ open/.test((await footer()) ?? ''), opens, panel);
	}
	assert.match(await press('alt-5'), /⏎ open/);
	assert.doesNotMatch(await press('?'), /⏎ open/);
});

test('a panel keeps its focus when it is zoomed, and Tab goes on to the next', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	await press('tab', 'z');
	assert.equal(store.getState().focus, 'host');
	assert.equal((await press('tab')).split('\n').filter(line => line.startsWith('╭')).length, 1);
	assert.notEqual(store.getState().focus, 'host');
	const visited = new Set<string>();
	for (let i = 0; i < 10; i++) {
		visited.add(store.getState().focus);
		await press('tab');
	}
	assert.deepEqual([...visited].toSorted(), [...(panelsOf('lab', 'overview') ?? [])].toSorted());
});

test('→ unfolds a run into entries of the lower levels, ← folds it from any of its parts', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 120, 40);
	const before = await press('alt-2', 'g');
	assert.match(
		await press('right'),
		/0x00000000–0x00ffffff +4,096[\s\S]*0x00000000–0x001fffff +512 rw kernel[\s\S]*0x00200000–/,
	);
	assert.match(await press('down', 'right'), /0x00000000–0x00000fff +1 rw kernel/);
	await press('down', 'down', 'left');
	assert.equal(store.getState().places.host?.cursor, 1);
	assert.equal((await press('left')).split('\n').slice(1, -2).join(), before.split('\n').slice(1, -2).join());
});

test('the tables follow a transfer also where runs are unfolded, filtered or sorted', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 120, 40);
	await press('alt-2', 'right');
	assert.match(await press('alt-1', 'enter'), /▸0x02670000–0x0296ffff/);
	await press('alt-2', '/', 'v', 'm', '0', 'enter');
	dispatch(store, {do: 'read', vm: 'vm0', lba: 8, sectors: 8, segments: 1, gpa: 0x1000000});
	assert.match(await press('s'), /Sorted by pages/);
	dispatch(store, {do: 'read', vm: 'vm0', lba: 0, sectors: 8, segments: 1, gpa: 0x1000000});
	assert.match(await press('alt-1'), /▸0x02670000–0x0296ffff/);
});

test('at every height a panel says in its lower border how far it is scrolled', async t => {
	const {press, resize} = openDashboard(t, openTestLab(t), 90, 36);
	await press('enter', 'alt-4');
	for (const rows of [36, 37, 38, 39]) {
		const notes = (await resize(90, rows)).split('\n').filter(line => /\d–\d+ of \d/.test(line));
		assert.ok(notes.length > 0);
		for (const line of notes) assert.match(line, / of \d+ ─╯$/, `${rows} rows`);
	}
});
