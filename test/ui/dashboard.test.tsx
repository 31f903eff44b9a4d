import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {commands} from '../../source/ui/commands/index.js';
import {failReads} from '../helpers/failing-disk.js';
import {MIB, openTestLab, randomImage} from '../helpers/lab.js';
import {openDashboard} from '../helpers/terminal.js';

const SCREENS = path.join(import.meta.dirname, 'screens');

/** Holds a screen against the one kept as text. The first row is left out: it says how the disk here is read. */
function sameScreen(t: TestContext, name: string, screen: string): void {
	const shown = screen.split('\n').slice(1).join('\n');
	t.assert.fileSnapshot(shown, path.join(SCREENS, `${name}.txt`), {serializers: [String]});
}

for (const [columns, rows] of [
	[80, 24],
	[120, 40],
	[200, 60],
] as const) {
	test(`the story at ${columns}×${rows}: lost under remove, delivered under keep, bounced under bounce`, async t => {
		const {press, screen} = openDashboard(t, openTestLab(t), columns, rows);
		sameScreen(t, `${columns}x${rows}-start`, await screen());
		const lost = await press('enter');
		assert.match(lost, /LOST: every layer reported success; 0 of 4,096 bytes arrived/);
		assert.match(lost, /LOST {2}Every layer reported success; 0 of 4,096 bytes arrived\./);
		assert.match(lost, /Why: 0x02790000 is vm0's page/);
		assert.match(lost, /IOMMU ═+✗ {2}memory/);
		assert.match(lost, /stale vm/);
		assert.match(lost, /▸0?x?02670000–(0x)?0296ffff +768 -- vm0/);
		sameScreen(t, `${columns}x${rows}-lost`, lost);
		const delivered = await press('p', 'enter');
		assert.match(delivered, /‹keep›/);
		assert.match(delivered, /DELIVERED: 4,096 of 4,096 bytes arrived/);
		assert.match(delivered, /▸0?x?02670000–(0x)?0296ffff +768 rw vm0/);
		assert.match(delivered, /ada0 LBA 0 ─ the same/);
		sameScreen(t, `${columns}x${rows}-delivered`, delivered);
		const bounced = await press('p', 'enter');
		assert.match(bounced, /‹bounce›/);
		assert.match(bounced, /IOMMU ─+▶ +copy ─+▶ +memory/);
		sameScreen(t, `${columns}x${rows}-bounced`, bounced);
	});
}

test('every line of every size fits the terminal', async t => {
	const {press, resize} = openDashboard(t, openTestLab(t), 80, 24);
	await press('enter');
	for (const [columns, rows] of [
		[80, 24],
		[99, 31],
		[118, 37],
		[170, 50],
		[300, 90],
	]) {
		const lines = (await resize(columns, rows)).split('\n');
		assert.match(lines[0], /^ dmascope/);
		assert.match(lines[rows - 1], /⏎ run/);
		for (const line of lines.slice(1, rows - 2))
			assert.match(line, new RegExp(`^[╭│╰].{${columns - 2}}[╮│╯]$`));
	}
});

test('--large writes the verdict in letters five rows high, twice as wide where there is room', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 100, 30);
	store.setState({large: true});
	const rowsOf = (screen: string) => screen.split('\n').filter(line => line.includes('██'));
	const lost = rowsOf(await press('enter'));
	assert.equal(lost.length, 5);
	assert.match(lost[4], /│ {1,2}██████████ {2,}██████ {2,}████████ {2,}██ +│/);
	assert.match(rowsOf(await press('p', 'enter'))[0], /████ {3}█████ {2}█ {6}███/);
});

test('a terminal too small says what it needs, and a larger one shows the dashboard', async t => {
	const {resize} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(
		await resize(59, 15),
		/dmascope needs 60×15; this terminal is 59×15\. Enlarge it,\s+or press q to quit\./,
	);
	assert.match(await resize(60, 15), /DEVICE MODEL/);
	assert.match(await resize(80, 24), /HOST DOMAIN 1/);
	// Narrower and higher: the rows of the frame before wrap, so that there are more of them than its lines.
	await resize(120, 40);
	assert.match(
		await resize(30, 60),
		/^dmascope needs 60×15; this *\nterminal is 30×60\. Enlarge it,\s*\nor press q to quit\.\s*$/,
	);
});

test('rows that changed are lit, and go out after a second', async t => {
	t.mock.timers.enable({apis: ['setTimeout']});
	const {createUi} = await import('../../source/ui/state/store.js');
	const {dispatch} = await import('../../source/ui/state/dispatch.js');
	const store = createUi(openTestLab(t));
	dispatch(store, {do: 'policy', policy: 'keep'});
	assert.ok(store.getState().changed.size > 10);
	t.mock.timers.tick(999);
	assert.ok(store.getState().changed.size > 10);
	t.mock.timers.tick(1);
	assert.equal(store.getState().changed.size, 0);
});

test('Tab goes round the panels; a small screen shows each in turn; arrows scroll the focused one', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('enter', 'tab'), /BUFFER vm0/);
	assert.match(await press('tab'), /MEMORY ─/);
	assert.match(await press('tab', 'tab'), /DEVICES ─/);
	assert.match(await press('tab', 'tab'), /CONSOLE vm0[\s\S]*no bootable disk/);
	assert.match(await press('tab'), /TRAFFIC ─/);
	assert.match(
		await press('tab'),
		/FAULTS ─ 2 faults · 2 of 8 fault registers in use · 0 in the kernel log[\s\S]*2 ahci0 +write +0x01b80000 +vm0 +2 PTE Write/,
	);
	assert.match(await press('tab'), /SCENARIOS ─ ⏎ plays/);
	await press('tab', 'tab');
	assert.equal(store.getState().focus, 'host');
	assert.match(await press('end'), /94–97 of 97/);
	assert.match(await press('g'), /1–4 of 97/);
	assert.match(await press('down', 'j', 'pagedown', 'k'), /4–7 of 97/);
	await press(...Array(6).fill('shift-tab'));
	assert.equal(store.getState().focus, 'buffer');
	await press('escape');
	assert.equal(store.getState().focus, 'model');
});

test('the form: arrows choose and step, digits type, and Enter runs what is shown', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	await press('e', '2', '0', '4', '9', 'backspace', '8');
	assert.match(await press('right'), /LBA 2048/);
	assert.match(await press('up', 'up'), /sectors 32/);
	assert.match(await press('right', 'up', 'up'), /segments 3/);
	await press('right', 'e', '0', 'x', '2', '0', '0', '0', '0', '0', 'enter');
	assert.deepEqual(store.getState().last.vm0?.command, {
		do: 'read',
		vm: 'vm0',
		lba: 2048,
		sectors: 32,
		segments: 3,
		gpa: 0x200000,
	});
	assert.equal(store.getState().last.vm0?.path, 'bounced');
	assert.match(await press('n'), /vm1 ─ no domain of its own/);
	assert.match(await press('left', 'left', 'left', 'left', 'up'), /op write/);
	assert.match(await press('enter'), /The disk is open read-only; start dmascope with --overlay/);
	await press('up');
	assert.match(await press('enter'), /vm1 has no passthru device; choose a guest that has one/);
	await press('n', 'enter');
	assert.deepEqual(store.getState().last.vm0?.command, {
		do: 'dma',
		device: 'ppt0',
		access: 'write',
		gpa: 0x200000,
		bytes: 16384,
	});
	assert.equal(store.getState().last.vm0?.data, 'delivered');
});

test('a GPA is typed in hex, letters and all; keys that come at once are pressed one by one', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('e2048'), /LBA 2048/);
	await press('left', 'left', 'left', 'eb7ff200', 'enter');
	assert.equal(store.getState().form.gpa, 0xb7ff200);
	assert.equal(store.getState().form.lba, 2048);
	assert.equal(store.getState().last.vm0?.data, 'failed');
	await press('e0x00a000', 'enter');
	assert.deepEqual([store.getState().form.gpa, store.getState().last.vm0?.data], [0xa000, 'lost']);
});

test('of a number that grows too large a field takes no more digits: what is shown is what runs', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('e99999999999999999999'), /LBA 999999999999999 /);
	await press('left', 'left', 'left');
	assert.equal(store.getState().form.lba, 999999999999999);
	assert.match(await press('e10000000000000000'), /GPA 10000000000000 /);
	await press('left');
	assert.equal(store.getState().form.gpa, 0x10000000000000);
});

test('the buffer panel claims no more than it compared', async t => {
	const {press} = openDashboard(t, openTestLab(t, {policy: 'keep'}), 80, 24);
	assert.match(await press('e9999999', 'enter'), /BUFFER .* ─ nothing on the disk there/);
	assert.match(await press('e0', 'right', 'e4096', 'enter'), /─ the first 1,048,576 bytes are the same/);
});

test('what a narrow chain says stays apart: a write, many segments, an odd size', async t => {
	const {file} = randomImage(t, 4 * MIB);
	const {press} = openDashboard(t, openTestLab(t, {disk: file, writable: true}), 80, 24);
	await press('right', 'e3072', 'right', 'e12', 'left', 'left', 'left', 'up');
	assert.match(
		await press('enter'),
		/guest ─+▶ +bhyve ─+▶ +pwrite ─+▶ +ahci ─+▶ +HBA ─+▶ +IOMMU ─+▶ +copy ─+▶ +disk/,
	);
	assert.match(await press('enter'), / 14 OK +✓ 12 cpy +✓ =1\.5M +✓ \d+ PRD +✓ ok +✓ ok +✓ 1\.5 MiB +✓ all /);
});

test('a command that makes no sense is said to be so, and nothing breaks', async t => {
	const {press} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('right', 'e0', 'enter'), /sectors is 0; expected an integer from 1 to 32768/);
	assert.match(
		await press('e8', 'right', 'e99', 'enter'),
		/segments is 99; expected at most as many as sectors/,
	);
	assert.match(
		await press('e1', 'right', 'e80000', 'enter'),
		/gpa 0x00080000 overlaps the guest driver's own memory/,
	);
});

test('r has the guest look for a disk again: found once its pages are back', async t => {
	const {press} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(
		await press('enter', 'r'),
		/CONSOLE vm0[\s\S]*vm0 found no bootable disk; LBA 0: no 55 aa signature/,
	);
	assert.match(await press('p', 'r'), /vm0 found 2 partitions: dmascope-esp, dmascope-ufs/);
});

test('a verdict is its own guest’s: another guest shows its own last transfer, or none', async t => {
	const {press} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('enter'), /LOST/);
	const other = await press('n');
	assert.doesNotMatch(other, /LOST|▸/);
	assert.match(other, /All 16,384 pages/);
	assert.match(await press('enter'), /DELIVERED {2}4,096 of 4,096 bytes arrived/);
	const back = await press('n');
	assert.match(back, /LOST {2}Every layer reported success/);
	assert.match(back, /▸00ee0000 → 02670000/);
});

test('a packet goes along the path before the verdict; any key skips it, and transfers in quick succession have none', async t => {
	const {press, screen, store} = openDashboard(t, openTestLab(t), 80, 24);
	const verdict = /LOST {2}Every layer reported success/;
	const moving = () => store.getState().packet !== undefined;
	store.setState({motion: true});
	assert.doesNotMatch(await press('enter'), verdict);
	assert.ok(moving());
	for (let waited = 0; moving(); waited += 20) {
		assert.ok(waited < 10_000);
		await new Promise(resolve => setTimeout(resolve, 20));
	}
	assert.match(await screen(), verdict);
	store.setState({transferAt: Number.NEGATIVE_INFINITY});
	assert.doesNotMatch(await press('enter'), verdict);
	assert.match(await press('right'), verdict);
	assert.ok(!moving());
	store.setState({transferAt: performance.now()});
	await press('enter');
	assert.ok(!moving());
});

test('keys that come in one burst are all pressed: p and Enter, arrows, Tab', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('p\r'), /‹keep›[\s\S]*DELIVERED {2}4,096 of 4,096 bytes arrived/);
	await press('\x1b[C\x1b[A\x1b[A\r');
	assert.deepEqual([store.getState().form.sectors, store.getState().last.vm0?.bytes], [32, 16384]);
	await press('e64\r\t\t');
	assert.deepEqual([store.getState().last.vm0?.bytes, store.getState().focus], [32768, 'map']);
	await press('\x1b[Z\x1b[Zpp');
	assert.deepEqual([store.getState().focus, store.getState().state.policy], ['model', 'remove']);
	await press('e12\x7f5\r');
	assert.equal(store.getState().last.vm0?.bytes, 15 * 512);
});

test('that the kernel logged none of the faults can be read at every size', async t => {
	const {press, resize} = openDashboard(t, openTestLab(t), 80, 24);
	await press('enter', ...Array<string>(8).fill('tab'));
	for (const [columns, rows] of [
		[80, 24],
		[118, 40],
		[120, 40],
		[170, 50],
		[200, 60],
	]) {
		const screen = (await resize(columns, rows)).replace(/\s*│?\n.*│ /g, ' ');
		assert.match(screen, /2 faults/, `${columns}`);
		assert.match(screen, /2 of 8\s+fault\s+registers/, `${columns}`);
		assert.match(screen, /0\s+in\s+the\s+kernel\s+log/, `${columns}`);
	}
});

test('a paste is a number or nothing, and never runs a command', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	await press('\x1b[200~sectors 12 qqq\n\x1b[201~');
	assert.equal(store.getState().form.draft, '12');
	assert.equal(store.getState().state.policy, 'remove');
	await press('tab');
	assert.equal(store.getState().form.lba, 12);
});

test('^L leaves a number that is being typed as it is', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	const before = await press('e12');
	assert.match(before, /LBA 12 {3}/);
	assert.equal(await press('\x0c'), before);
	assert.equal(store.getState().form.draft, '12');
});

test('the first screen has the row of the lookup in view, and a digit in the form says how to open a view', async t => {
	const {press, screen} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await screen(), /▸01b70000–01e5ffff {4}752 -- vm0 ✗/);
	assert.match(await press('6'), /LBA 6 [\s\S]*Typing a number; Esc drops it\. Alt-6 opens compare\./);
	const devices = await press('escape', 'tab', 'tab', 'tab', 'tab');
	assert.match(devices, /DEVICES ─ 4[\s\S]*ppt0/, 'every device is in view');
});

test('the terminal’s cursor stands where text goes: in a field, in a line, and nowhere else', async t => {
	const {press, terminal} = openDashboard(t, openTestLab(t), 80, 24);
	const stands = () => {
		const {cursorX, cursorY} = terminal.buffer.active;
		return {cursorX, cursorY};
	};
	const typed = (await press('e', '1', '2')).split('\n');
	const row = typed.findIndex(line => line.includes('LBA 12'));
	assert.deepEqual(stands(), {cursorX: typed[row].indexOf('LBA 12') + 6, cursorY: row});
	const line = (await press('escape', ':', 'z', 'o')).split('\n')[22];
	assert.deepEqual(stands(), {cursorX: line.indexOf('zo') + 2, cursorY: 22});
	const long = (await press(...'x'.repeat(90), 'y')).split('\n')[22];
	assert.match(long, /command: x+y/, 'the end of a long text is shown');
	assert.equal(stands().cursorX, 79);
});

test('a line takes letters and signs alone, and no more than it has room for', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	const handlePromptKey = () => store.getState().prompt?.text;
	await press(':', '\x02', 'a', '\x1b[200~b\x1b]0;c\x07\u202ed\u200be\u2028\x1b[201~');
	assert.equal(handlePromptKey(), 'ab ]0;c d e');
	await press(`\x1b[200~${'x'.repeat(1_000_000)}\x1b[201~`);
	assert.equal(handlePromptKey()?.length, 200);
});

test('a passthru device’s DMA has neither LBA nor segments nor a disk beside it', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	await press('left', 'up', 'up');
	const shown = await press('enter');
	assert.match(shown, /PASSTHRU DMA ─ of vm0[\s\S]*LBA –/);
	assert.match(shown, /ppt0 ─+▶ +IOMMU ─+▶ +memory/);
	assert.match(shown, /BUFFER vm0 0x01000000 ─+╮\n│0000 70 70 74 30 20 77 61 73 ppt0 was/);
	await press('right');
	assert.equal(store.getState().form.chosen, 'sectors');
});

test('choosing to write warns of what it overwrites', async t => {
	const {file} = randomImage(t, MIB);
	const {press} = openDashboard(t, openTestLab(t, {disk: file, writable: true}), 120, 40);
	assert.match(await press('left', 'up'), /Enter now overwrites .*random.img, from LBA 0 on/);
});

test('with the help open or the screen too small, only keys that are shown mean anything', async t => {
	const {press, resize, store} = openDashboard(t, openTestLab(t), 80, 24);
	assert.match(await press('?'), /Esc back {2}\? help {2}\^L redraw {2}\^Z suspend {2}q quit/);
	await press('p', 'enter', 'escape');
	await resize(59, 15);
	await press('p', 'enter', 'alt-5');
	assert.equal(store.getState().state.policy, 'remove');
	assert.equal(store.getState().form.draft, undefined);
	assert.deepEqual(store.getState().last, {});
});

test('a disk that cannot be read back: what arrived is neither lost nor delivered, on every panel', async t => {
	const {file} = randomImage(t, MIB);
	const {press} = openDashboard(t, openTestLab(t, {disk: file, policy: 'keep'}), 120, 40);
	failReads(t);
	const shown = await press('enter');
	assert.match(shown, /UNCHECKED {2}Every layer reported success; the disk cannot be read back to compare\./);
	assert.match(shown, /Cannot be checked: reading the disk back failed \(EIO\)\./);
	assert.match(shown, /Why: memory: cannot be checked: the disk cannot be read back/);
	assert.match(shown, /The disk cannot be read: EIO/);
	const listed = await press('alt-5');
	assert.match(listed, /TRANSFERS ─ .*1 unchecked/);
	assert.match(listed, /unchecked direct +\? of 4,096/);
});

test('the disk shrinking under the dashboard is a sentence, not an end', async t => {
	const {file} = randomImage(t, MIB);
	const {press} = openDashboard(t, openTestLab(t, {disk: file, policy: 'keep'}), 120, 40);
	await press('enter');
	fs.truncateSync(file, 0);
	assert.match(
		await press('enter'),
		/FAILED {2}[\s\S]*0 of 4,096 bytes arrived[\s\S]*ada0: the disk ended after 0 of 4096 bytes/,
	);
	fs.rmSync(file);
	assert.match(await press('p', 'p', 'p', 'enter'), /FAILED/);
});

test('help is made from the table of commands: each is there, with its keys; no key has two meanings', async t => {
	const {press, store} = openDashboard(t, openTestLab(t), 80, 24);
	let help = await press('?');
	for (let i = 0; i < 8; i++) help += await press('pagedown');
	for (const {id, description} of commands)
		assert.equal(help.includes(description.slice(0, 30)), id !== 'events', description);
	assert.match(await press('p', 'enter'), /Explain every key/);
	assert.match(await press('escape'), /‹remove›[\s\S]*HOST DOMAIN/);
	for (const focus of ['model', 'host'] as const) {
		const ui = {...store.getState(), focus};
		const keys = commands
			.filter(({when}) => when?.(ui, focus === 'host') ?? true)
			.flatMap(command => command.keys);
		assert.deepEqual(
			keys.filter((key, i) => keys.indexOf(key) !== i),
			[],
		);
	}
});

test('q leaves', async t => {
	const {press, done} = openDashboard(t, openTestLab(t), 80, 24);
	await press('q');
	await done();
});

test('a fault in a panel is an end with that fault, not a screen that stands still', async t => {
	const {store, done} = openDashboard(t, openTestLab(t), 80, 24);
	store.setState(({state}) => ({
		state: {
			...state,
			get devices(): never {
				throw new Error('no devices');
			},
		},
	}));
	await assert.rejects(done(), /no devices/);
});
