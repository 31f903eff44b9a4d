import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {readShot, takeShot} from '../../source/ui/shot.js';
import {createUi, show} from '../../source/ui/state/store.js';
import {VIEWS} from '../../source/ui/state/views.js';
import {UserError} from '../../source/user-error.js';
import {capturedHost} from '../helpers/host-machine.js';
import {folder, openTestLab, read} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

const NONE = {ascii: false, large: false};

/** A file with the picture. */
async function shot(t: TestContext, name: string, flags: Partial<Parameters<typeof readShot>[1]> = {}) {
	const lab = openTestLab(t);
	read(lab, 'vm0');
	const file = path.join(folder(t), name);
	await takeShot(lab, [], readShot(file, {...NONE, ...flags}));
	return fs.readFileSync(file, 'utf8');
}

const unescaped = (text: string): string =>
	text
		.replace(/<[^>]*>/g, '')
		.replace(/&lt;/g, '<')
		.replace(/&gt;/g, '>')
		.replace(/&quot;/g, '"')
		.replace(/&amp;/g, '&');

test('every format holds the screen that the dashboard shows', async t => {
	const text = await shot(t, 'a.txt', {view: 'walk'});
	const lab = openTestLab(t);
	read(lab, 'vm0');
	const {store, screen} = openDashboard(t, lab, 120, 40);
	show(store, 'walk');
	store.setState({message: createUi(lab).getState().message});
	const lines = (screen: string) => screen.replace(/ +$/gm, '').trimEnd().split('\n');
	// The footer tells of the history, which a picture has none of.
	assert.deepEqual(lines(text).slice(0, -1), lines(await screen()).slice(0, -1));

	const html = await shot(t, 'a.html', {view: 'walk', theme: 'light'});
	assert.equal(unescaped(/<pre>(.*)\n<\/pre>/s.exec(html)?.[1] ?? ''), text.slice(0, -1));
	assert.match(html, /background:#ffffff/);
	const ansi = await shot(t, 'a.ansi', {view: 'walk'});
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
	assert.equal(ansi.replace(/\x1b\[[\d;]*m/g, ''), text);
	const svg = await shot(t, 'a.svg', {view: 'walk'});
	const rows = [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, row = '']) => unescaped(row).trimEnd());
	assert.deepEqual(
		rows,
		lines(text).filter(line => line !== ''),
	);
});

test('each view of a lab and of a host has a picture', async t => {
	const lab = openTestLab(t);
	const made = folder(t);
	for (const view of VIEWS.filter(view => view !== 'events')) {
		const file = path.join(made, `${view}.txt`);
		await takeShot(lab, [], readShot(file, {...NONE, view, size: '80x24'}));
		assert.match(fs.readFileSync(file, 'utf8'), new RegExp(`^.* ${view}( |\n)`));
	}
	const file = path.join(made, 'host.txt');
	await takeShot(await capturedHost(), [], readShot(file, {...NONE, view: 'events'}));
	assert.match(fs.readFileSync(file, 'utf8'), /events/);
	await assert.rejects(
		takeShot(await capturedHost(), [], readShot(`${file}.txt`, {...NONE, view: 'compare'})),
		{
			message:
				'This machine has no view compare; it has overview, domains, walk, memory, faults, diagnosis, events.',
		},
	);
});

test('a diagram of a walk has a box for each entry, and one of a path for each station', async t => {
	const walk = await shot(t, 'a.svg', {diagram: 'walk'});
	for (const word of ['root table', 'context table', 'level 4', 'level 3', 'level 2', 'level 1', '✗ fault'])
		assert.ok(walk.includes(`>${word}<`), word);
	const path = await shot(t, 'a.svg', {diagram: 'path', theme: 'light'});
	for (const word of [
		'guest',
		'bhyve',
		'preadv',
		'ahci',
		'HBA',
		'IOMMU',
		'memory',
		'LOST: 0 of 4,096 bytes arrived',
	])
		assert.ok(path.includes(`>${word}<`), word);
	assert.match(path, /fill="#ffffff"/);
});

test('no picture replaces a file, and what is wrong is said', async t => {
	const file = path.join(folder(t), 'a.svg');
	fs.writeFileSync(file, 'mine');
	await assert.rejects(takeShot(openTestLab(t), [], readShot(file, NONE)), UserError);
	assert.equal(fs.readFileSync(file, 'utf8'), 'mine');
	assert.throws(() => readShot('a.png', NONE), {message: /^a\.png has no format; end its name with \.svg, /});
	assert.throws(() => readShot('a.svg', {...NONE, size: '10x10'}), {
		message: /^--size 10x10 is not a size from 60x15/,
	});
	assert.throws(() => readShot('a.svg', {...NONE, view: 'wlak'}), {message: /Did you mean walk\?$/});
	assert.throws(() => readShot('a.svg', {...NONE, view: 'walk', diagram: 'walk'}), UserError);
	await assert.rejects(shot(t, 'a.txt', {diagram: 'walk'}), {message: /cannot hold a diagram/});
});
