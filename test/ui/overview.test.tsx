// The overview as a React tree alone, without a terminal; and as a screen reader speaks it.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {stripVTControlCharacters} from 'node:util';
import {Box, render, renderToString} from 'ink';
import {App} from '../../source/ui/app.js';
import {Screen as OnScreen, ScreenContext} from '../../source/ui/hooks/use-screen.js';
import {AppearanceContext} from '../../source/ui/hooks/use-theme.js';
import {StoreContext} from '../../source/ui/hooks/use-ui.js';
import {createUi} from '../../source/ui/state/store.js';
import {themeWith} from '../../source/ui/theme.js';
import {Overview} from '../../source/ui/views/overview.js';
import {openTestLab} from '../helpers/lab.js';
import {Keyboard, Screen} from '../helpers/tty.js';

const appearance = {theme: themeWith('dark', 3), ascii: false};

test('Ink’s renderToString gives the overview', t => {
	// Without a terminal Ink asks the environment for the size.
	Object.assign(process.env, {COLUMNS: '80', LINES: '24'});
	const store = createUi(openTestLab(t));
	const text = renderToString(
		<StoreContext value={store}>
			<ScreenContext value={new OnScreen()}>
				<AppearanceContext value={appearance}>
					<Box height={24}>
						<Overview />
					</Box>
				</AppearanceContext>
			</ScreenContext>
		</StoreContext>,
		{columns: 80},
	);
	const shown = stripVTControlCharacters(text);
	assert.match(shown, /guest ─+▶ bhyve ─+▶ +preadv ─+▶ ahci ─+▶ HBA ─+▶ +IOMMU ═+✗/);
	assert.match(shown, /LOST {2}Every layer reported success/);
	assert.match(shown, /HOST DOMAIN 1 [\s\S]*GUEST DOMAIN 2 /);
	assert.match(shown, /▸[0-9a-fx]+[\s\S]*vm0/);
});

test('a screen reader speaks the overview: titles first, words for signs, few rows of each table', async t => {
	const stdout = new Screen(120, 60);
	const store = createUi(openTestLab(t));
	store.setState({motion: false});
	const terminal = {copy: () => undefined, mouse: () => {}, empty: () => {}};
	const app = render(
		<App store={store} screen={new OnScreen()} appearance={appearance} terminal={terminal} />,
		{stdout, stdin: new Keyboard(), interactive: true, patchConsole: false, isScreenReaderEnabled: true},
	);
	t.after(() => app.unmount());
	await app.waitUntilRenderFlush();
	store.setState({focus: 'host'});
	await app.waitUntilRenderFlush();
	await new Promise(resolve => setTimeout(resolve, 50));
	await app.waitUntilRenderFlush();
	await stdout.settled();
	const spoken = stdout.text();
	const order = [
		/radio: \(selected\) remove radio: keep radio: bounce/,
		/tab: \(selected\) 1 overview tab: 2 domains/,
		/\n\nDEVICE MODEL, vm0 virtio-blk/,
		/textbox: guest +vm0/,
		/Path: guest 3 OK, bhyve 1 iov, .* HBA ok, IOMMU trouble 1 flt, memory trouble none\./,
		/LOST {2}Every layer reported success/,
		/\nMEMORY, [\s\S]*vm0, 16,384 pages\./,
		/\n\(selected\) HOST DOMAIN 1, 49,152 pages/,
		/\n\(selected\) ▸0x01b70000–0x01e5ffff/,
		/6–10 of 97/,
		/\nGUEST DOMAIN 2, vm0/,
		/\nCONSOLE vm0\n/,
	].map(part => spoken.search(part));
	assert.ok(!order.includes(-1), `${order}\n${spoken}`);
	assert.deepEqual(
		order,
		[...order].sort((a, b) => a - b),
		spoken,
	);
	assert.doesNotMatch(spoken, /[╭│█▀●]|00\*00\*/);
});
