import assert from 'node:assert/strict';
import {test} from 'node:test';
import {chooseKeys, commands} from '../../source/ui/commands/index.js';
import {KEY_NAMES} from '../../source/ui/commands/keys.js';
import {parseConfig} from '../../source/ui/config.js';
import {KEYS} from '../helpers/keys.js';
import {openTestLab} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

test('space redraws once its own commands have other keys', async t => {
	const text = 'keys: {redraw: space, next: pagedown, work: x, step: .}\n';
	const {redraw} = parseConfig('c.yaml', text, commands).keys;
	assert.deepEqual(redraw, ['space']);
	assert.throws(
		() => parseConfig('c.yaml', 'keys: {redraw: space}\n', commands),
		/^Error: c\.yaml:1:16: space is the key of redraw and of next; choose another/,
	);
	chooseKeys(parseConfig('c.yaml', text, commands).keys);
	const {press, screen, terminal} = openDashboard(t, openTestLab(t), 80, 24);
	const before = await screen();
	await new Promise<void>(resolve => terminal.write('\x1b[Hgarbage', () => resolve()));
	assert.notEqual(await screen(), before);
	await press(' ');
	assert.equal(await screen(), before);
});

test('every key that a config file can name runs its command when pressed', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	const others = commands.filter(({id}) => id !== 'help').map(({id}) => `  ${id}: []\n`);
	assert.ok(KEY_NAMES.includes('space') && KEY_NAMES.length > 12);
	for (const key of [...KEY_NAMES, 'ctrl-r', 'F', 'ß']) {
		chooseKeys(parseConfig('c.yaml', `keys:\n${others.join('')}  help: ${key}\n`, commands).keys);
		await press(KEYS[key] ?? (key === 'ctrl-r' ? '\x12' : key));
		if (key === 'escape') await new Promise(resolve => setTimeout(resolve, 60));
		assert.equal(store.getState().overlay, 'help', key);
		store.setState({overlay: undefined});
	}
});
