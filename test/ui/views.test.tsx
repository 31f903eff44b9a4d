import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setTimeout as wait} from 'node:timers/promises';
import {point} from '../../source/ui/point.js';
import {VIEWS, viewIdsOf} from '../../source/ui/state/views.js';
import {openTestLab} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

test('at 60×15 each view shows one panel, and Tab the next', async t => {
	const {press} = openDashboard(t, openTestLab(t), 60, 15);
	for (const i of viewIdsOf({kind: 'lab'}).keys()) {
		const lines = (await press(`${i + 1}`)).split('\n');
		assert.equal(lines.filter(line => line.startsWith('╭')).length, 1, VIEWS[i]);
		assert.ok(lines.every(line => line.length <= 60));
		assert.match(lines[0], new RegExp(`${i + 1} ${VIEWS[i]}`));
		assert.match(lines[0], / 8/);
	}
	assert.match(await press('1', 'tab'), /BUFFER/);
});

test('Enter on a row opens its walk; Esc goes back one layer at a time', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	await press('2', '/', '-', '-', 'enter');
	assert.match(await press('down'), /22 rows of 97: --/);
	assert.match(
		await press('enter'),
		/WALK ─ xhci0 0:20:0 writes 0x01b70000[\s\S]*✗ FAULT PTE Write access is not set/,
	);
	await press('2', 'z');
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
	assert.match(await press('2', '/', 'v', 'm', '1'), /rows of 97: vm1/);
	await press('escape');
	assert.equal(store.getState().filters.host, undefined);
	await press('/', '0', 'x', 'z', 'enter');
	assert.ok(store.getState().prompt?.problem);
	assert.equal(store.getState().prompt?.text, '0xz');
});

test('s sorts, a goes to an address', async t => {
	const {press} = openDashboard(t, openTestLab(t), 120, 40);
	assert.match(await press('2', 's'), /Sorted by pages/);
	await press('s', 's');
	assert.match(await press('a', '0x2670004', 'enter'), /0x02670000–0x0296ffff/);
	assert.match(await press('a', 'zz', 'enter'), /"zz" is no address/);
});

test('the palette finds commands by their words and runs them', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press(':', 'p', 'o', 'l'), /p +policy +Next policy/);
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
	const {store, screen} = openDashboard(t, openTestLab(t), 100, 30);
	await screen();
	point(store, {kind: 'press', x: 60, y: 6});
	assert.deepEqual([store.getState().focus, store.getState().places.guest?.cursor], ['guest', 3]);
	point(store, {kind: 'wheel', up: false, x: 10, y: 6});
	assert.equal(store.getState().places.host?.cursor, 3);
	assert.match(await screen(), /GUEST DOMAIN/);
});

test('y copies the chosen row', async t => {
	const {press} = openDashboard(t, openTestLab(t), 100, 30);
	assert.match(await press('2', 'y'), /Copied: 00000000–00ffffff.*kernel/);
});

test('Space has the guests work, + hurries them, Space pauses: then nothing moves', async t => {
	const {press, store, screen} = openDashboard(t, openTestLab(t, {policy: 'keep'}), 120, 40);
	await press('+', '+', '+', ' ');
	await new Promise(resolve => setTimeout(resolve, 450));
	assert.match(await press(' '), /LIFE ─ paused[\s\S]*landed/);
	const {revision, tally} = store.getState().state;
	assert.ok(tally.delivered > 20, `${tally.delivered}`);
	await new Promise(resolve => setTimeout(resolve, 250));
	await screen();
	assert.equal(store.getState().state.revision, revision);
});

test('the same transfer under each policy, side by side', async t => {
	const {press, screen, store} = openDashboard(t, openTestLab(t), 80, 24);
	const compared = async () => {
		while ((store.getState().compared?.results.length ?? 0) < 3) await wait(5);
		return screen();
	};
	assert.match(await press('6', 'enter'), /1 of 3, now keep/);
	const all = await compared();
	assert.match(all, /verdict +lost +delivered +delivered/);
	assert.match(all, /path +direct +direct +bounced/);
	assert.match(all, /pages missing +16,384 +0 +16,384/);
	// Another question takes the place of the first.
	await press('enter', 'w');
	assert.match(await compared(), /200 requests of the guests[\s\S]*verdict +lost +delivered +delivered/);
});

test('→ unfolds a run into entries of the lower levels, ← folds it from any of its parts', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 120, 40);
	const before = await press('2');
	assert.match(
		await press('right'),
		/0x00000000–0x00ffffff +4,096[\s\S]*0x00000000–0x001fffff +512 rw kernel[\s\S]*0x00200000–/,
	);
	assert.match(await press('down', 'right'), /0x00000000–0x00000fff +1 rw kernel/);
	await press('down', 'down', 'left');
	assert.equal(store.getState().places.host?.cursor, 1);
	assert.equal((await press('left')).split('\n').slice(1, -2).join(), before.split('\n').slice(1, -2).join());
});
