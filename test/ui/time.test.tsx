import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {parseScenario} from '../../source/lab/scenario/parse.js';
import {play} from '../../source/ui/state/play.js';
import {folder, openTestLab, testSetting} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

const line = (screen: string, n: number): string => screen.split('\n').at(n) ?? '';

test('back past the loss, forth again, and off on another way', async t => {
	const {press, screen, store} = openDashboard(t, openTestLab(t), 100, 30);
	assert.match(line(await press('['), -2), /Nothing has been done yet/);
	await press('enter', 'p', 'enter', 'p', 'enter');
	const back = await press('[', '[');
	assert.match(line(back, -3), /step 3 of 5 .*●.* read vm0/);
	assert.match(line(back, -2), /DELIVERED/);
	assert.match(back, /‹keep›[\s\S]*HOST DOMAIN 1 ─ 65,536 pages/);
	const lost = await press('{');
	assert.match(line(lost, -3), /step 1 of 5/);
	assert.match(line(lost, -2), /LOST/);
	assert.match(lost, /‹remove›[\s\S]*16,384 pages gone/);
	assert.match(lost, /BUFFER[\s\S]*stale/);
	assert.match(line(await press(']'), -2), /keep: ppt0 rebound/);
	// What is done now takes the place of the rest, and the way through time is closed.
	await press('p');
	assert.equal(store.getState().machine.lab?.history?.length, 3);
	assert.doesNotMatch(await screen(), /step \d of \d/);
	assert.match(line(await press('('), -3), /step 0 of 3 ●.* the beginning/);
	assert.doesNotMatch(await press('escape'), /step \d of \d/);
	assert.match(await screen(), /‹bounce›/);
});

test('the timeline is as wide as the screen, whatever is in it', async t => {
	const {press, resize} = openDashboard(t, openTestLab(t), 200, 60);
	const few = line(await press('enter', '['), -3);
	assert.match(few, /^ step 0 of 1 ●─+✗ +the beginning$/);
	assert.equal(few.length, 200);
	const more = line(await press(')', 'p', 'p', 'p', '('), -3);
	assert.match(more, /^ step 0 of 4 ●─+✗─+ +the beginning$/);
	assert.equal(more.length, 200);
	const narrow = line(await resize(80, 24), -3);
	assert.match(narrow, /●─+✗─+ +the beginning$/);
	assert.equal(narrow.length, 80);
});

test('a scenario tells the outcome of a step when its packet has landed', async t => {
	const {press, screen, store} = openDashboard(t, openTestLab(t), 120, 40);
	await press('t', '.', '.');
	store.setState({motion: true, transferAt: Number.NEGATIVE_INFINITY});
	const outcome = /vm0 LOST: every layer reported success/;
	assert.match(await press('.'), /3 of 10/);
	assert.ok(store.getState().packet !== undefined);
	assert.doesNotMatch(await screen(), outcome);
	store.setState({packet: undefined});
	assert.match(await screen(), outcome);
});

test('in a small terminal, too, the timeline has its row', async t => {
	const {press} = openDashboard(t, openTestLab(t), 60, 15);
	const back = await press('enter', '[');
	assert.match(line(back, -3), /step 0 of 1/);
	assert.equal(back.split('\n').length, 15);
});

test('a session is written into a file of its own, and never over another', async t => {
	const {press} = openDashboard(t, openTestLab(t), 120, 30);
	const file = path.join(folder(t), 'mine.yaml');
	await press('enter', 'W', ...Array.from('session.yaml', () => 'backspace'), ...file, 'enter');
	const {steps} = parseScenario(file, fs.readFileSync(file, 'utf8'), testSetting(t));
	assert.deepEqual(
		steps.map(({text, expect}) => [text, expect.data, expect.faults]),
		[['read vm0 LBA 0, 8 sectors, 1 segment', 'lost', 1]],
	);
	const again = await press('W', ...Array.from('session.yaml', () => 'backspace'), ...file, 'enter');
	assert.match(line(again, -2), /mine\.yaml exists/);
});

test('a talk goes forth and back by a clicker, and finds back to its path', async t => {
	const lab = openTestLab(t);
	const {press, screen, store} = openDashboard(t, lab, 100, 30);
	const scenario = lab.scenarios.load('pr-260178');
	play(store, scenario, true);
	assert.match(await screen(), new RegExp(`pr-260178 ─ 0 of ${scenario.steps.length}`));
	const third = await press('pagedown', 'pagedown', ' ');
	assert.match(third, /pr-260178 ─ 3 of/);
	const there = store.getState().state.tally;
	assert.match(await press('pageup'), /pr-260178 ─ 2 of/);
	// Somebody asks, and the presenter tries something; the next click leads back, the one after it goes on.
	await press('p', 'p', 'v', 'o', '2');
	const back = await press('pagedown');
	assert.match(line(back, -2), /Back where the path was left, after step 2/);
	assert.match(await press('pagedown'), /pr-260178 ─ 3 of/);
	assert.deepEqual(store.getState().state.tally, there);
	// Also from a place on the path itself, where what came after is gone.
	await press('[', '[', 'p', 'pagedown');
	assert.equal(store.getState().play?.taken.length, 3);
	assert.deepEqual(store.getState().state.tally, there);
	for (let i = 3; i < scenario.steps.length; i++) await press('pagedown');
	assert.match(await screen(), /The end\./);
	assert.ok(store.getState().play?.taken.every(({unmet}) => unmet.length === 0));
});
