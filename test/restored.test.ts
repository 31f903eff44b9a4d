// However the dashboard ends, and whatever it shows then, the terminal is as it was before: a real shell runs the real
// program in a pty, and an emulator shows what both write.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {suite, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {VIEWS, type ViewId, viewIdsOf} from '../source/ui/state/views.js';
import {cellsOf} from './helpers/cells.js';
import {CLI, type Program, screenText, startProgram} from './helpers/program.js';

/** Wide enough for what stty says in one line. */
const SIZE = {columns: 100, rows: 24};
const ENV = {
	PS1: '$ ',
	ENV: '',
	NODE: process.execPath,
	CLI,
	FAULTS: path.resolve(import.meta.dirname, 'helpers/faults.mjs'),
};

/** What is open when it ends: the keys that lead there, and what the screen says then. */
const STATES = [
	{name: 'as it is', keys: '', says: 'quit'},
	{name: 'with the help', keys: '?', says: 'HELP'},
	{name: 'with the palette typed into', keys: ':po', says: 'command: po'},
	{name: 'zoomed', keys: 'z', says: 'quit'},
	{name: 'with the timeline', keys: 'p[', says: 'step 0 of 1'},
	{name: 'with guests at work', keys: ' ', says: 'Guests issue'},
	{name: 'in the tour', keys: 't.', says: 'SCENARIO tour'},
	{name: 'after another policy', keys: 'p', says: '‹keep›'},
] as const;
type State = (typeof STATES)[number];

type Run = {program: Program; state: State; child: () => number};
type End = {name: string; code: number; leave: (run: Run) => unknown};

const signal =
	(name: NodeJS.Signals) =>
	({child}: Run) =>
		process.kill(child(), name);
const ENDS: readonly End[] = [
	{name: 'q', code: 0, leave: quit},
	{name: 'Ctrl-C', code: 0, leave: ({program}) => program.write('\x03')},
	{name: 'SIGTERM', code: 128 + 15, leave: signal('SIGTERM')},
	{name: 'SIGHUP', code: 128 + 1, leave: signal('SIGHUP')},
	{name: 'Ctrl-Z', code: 128 + 20, leave: ({program}) => program.write('\x1a')},
];
/** One of them in each view. */
const CRASHES: readonly End[] = [
	{name: 'a throw', code: 1, leave: signal('SIGUSR2')},
	{name: 'a rejection', code: 1, leave: signal('SIGPWR')},
	{
		name: 'a throw while it draws',
		code: 70,
		leave: signal('SIGURG'),
	},
];

/** Where a command is being typed, q is a letter. */
async function quit({program, state}: Run): Promise<void> {
	if (state.name === 'with the palette typed into') {
		program.write('\x1b');
		while (screenText(program.terminal).includes(state.says)) await sleep(20);
	}
	program.write('q');
}

/** All that is on the normal screen, and above it. */
function shellText({terminal}: Program): string {
	const {normal} = terminal.buffer;
	return Array.from({length: normal.length}, (_, y) => normal.getLine(y)?.translateToString(true) ?? '')
		.join('\n')
		.trimEnd();
}

const CURSOR = /\[\?25[hl]/g;
const STTY = /^[0-9a-f]+(:[0-9a-f]+){5,}$/gm;

function assertRestored(program: Program, before: string, what: string): void {
	const {terminal, chunks} = program;
	assert.equal(terminal.buffer.active.type, 'normal', `${what}: the alternate screen is left`);
	const text = shellText(program);
	assert.ok(text.startsWith(before), `${what}: the screen is as it was\n${text}`);
	assert.deepEqual(
		terminal.modes,
		{
			applicationCursorKeysMode: false,
			applicationKeypadMode: false,
			bracketedPasteMode: false,
			insertMode: false,
			mouseTrackingMode: 'none',
			originMode: false,
			reverseWraparoundMode: false,
			sendFocusMode: false,
			synchronizedOutputMode: false,
			wraparoundMode: true,
		},
		what,
	);
	const output = chunks.map(({data}) => data).join('');
	assert.equal(output.match(CURSOR)?.at(-1), '[?25h', `${what}: the cursor is shown`);
	// Node has colours of its own for what it says of a fault; the shell's line comes after.
	const rows = cellsOf(terminal).slice(0, terminal.buffer.active.cursorY + 1);
	const last = rows.slice(-2).flat();
	assert.equal(new Set(last.map(({look}) => look)).size, 1, `${what}: what the shell writes has no colours`);
	assert.equal(new Set(text.match(STTY)).size, 1, `${what}: stty says what it said before\n${text}`);
}

async function endOf(program: Program, view: ViewId, state: State, {name, code, leave}: End, mouse: boolean) {
	const what = `${view}, ${state.name}${mouse ? ', with the mouse' : ''}: ${name}`;
	const before = shellText(program);
	const ended = `${name} ended it with`;
	program.write(
		`stty -g; $NODE --import $FAULTS $CLI ${mouse ? '' : '--no-mouse'}; code=$?; stty -g; echo "${ended} $code"\r`,
	);
	await program.until('quit');
	program.write(`\x1b${VIEWS.indexOf(view) + 1}`);
	await program.until(` ${VIEWS.indexOf(view) + 1} ${view}`);
	for (const key of state.keys) {
		program.write(key);
		await program.quiet(20);
	}
	await program.until(state.says);
	assert.equal(program.terminal.buffer.active.type, 'alternate');
	assert.equal(program.terminal.modes.mouseTrackingMode, mouse ? 'vt200' : 'none');
	const children = () => fs.readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8');
	const run: Run = {program, state, child: () => Number(children().trim())};
	await leave(run);
	await program.until(`${ended} ${code}`);
	assertRestored(program, before, what);
	const report = shellText(program).slice(before.length);
	if (CRASHES.some(crash => crash.name === name))
		assert.match(report, /^(Error|dmascope): .*asked for$/m, what);
	if (name !== 'Ctrl-Z') return;
	const away = shellText(program);
	program.write('fg; code=$?; stty -g; echo "afterwards $code"\r');
	await program.until(state.says);
	assert.equal(program.terminal.buffer.active.type, 'alternate');
	assert.equal(program.terminal.modes.mouseTrackingMode, mouse ? 'vt200' : 'none');
	await quit(run);
	await program.until('afterwards 0');
	assertRestored(program, away, `${what}, fg and q`);
}

suite('the terminal is given back', {concurrency: 4}, () => {
	viewIdsOf('lab').forEach((view, v) => {
		const ends = [...ENDS, CRASHES[v % CRASHES.length]];
		test(`by ${view}, after ${ends.map(({name}) => name).join(', ')}`, async t => {
			const program = startProgram({...SIZE, file: 'sh', args: ['-i'], env: ENV});
			t.after(() => program.close('SIGKILL'));
			await program.until('$ ');
			for (const [e, end] of ends.entries()) {
				// So each end meets every state, half of them with the mouse.
				await endOf(program, view, STATES[(v + e) % STATES.length], end, v % 2 === 1);
			}
		});
	});
});
