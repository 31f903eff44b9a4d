// Puts the dashboard on the terminal, and gives the terminal back.

import fs from 'node:fs';
import {render} from 'ink';
import type {ObservedMachine} from '../machine/observed.js';
import type {Scenario, Step} from '../machine/scenario.js';
import {printTo} from '../print.js';
import {grouped, plural} from '../words.js';
import {App} from './app.js';
import {recordCast} from './cast.js';
import {copySequence} from './clipboard.js';
import {chooseKeys} from './commands/index.js';
import {Display} from './display.js';
import {type DisplayFlags, readDisplay} from './display-flags.js';
import {asciiByItself, setAscii} from './glyphs.js';
import {modesAlone} from './modes.js';
import {play} from './play.js';
import {point} from './point.js';
import {refresh} from './refresh.js';
import {createUi, type Store} from './store.js';
import {keysOf} from './terminal/input.js';
import {depthOf, setTheme, themeOf} from './theme.js';
import {goTo, travelTo} from './timeline.js';
import {pauseWork} from './traffic.js';
import {endTravel} from './travel.js';

/** What it opens on: a scenario to present, or the beginning of a session, whose steps are done first. */
export type Opening = {present: Scenario} | {replay: readonly Step[]};

/** Runs until the user leaves. @returns the exit code @throws UserError where flags or the config file are wrong */
export async function dashboard(
	machine: ObservedMachine,
	flags: DisplayFlags = {},
	opening?: Opening,
): Promise<number> {
	const {env, stdout} = process;
	const {config, theme: named} = readDisplay(flags, env);
	const byItself = themeOf(env);
	// Who asks for no colour by NO_COLOR gets none, whatever the file says.
	const theme = named ?? (byItself === 'plain' ? byItself : (config.theme ?? byItself));
	setTheme(theme, depthOf(env));
	setAscii(flags.ascii ?? config.ascii ?? asciiByItself(env));
	chooseKeys(config.keys);
	const store = createUi(machine, {columns: stdout.columns, rows: stdout.rows});
	store.setState({large: flags.large ?? config.large ?? false});
	if (opening && 'present' in opening) play(store, opening.present, true);
	else if (opening) replay(store, opening.replay);
	const mouse = flags.mouse ?? config.mouse ?? false;
	// Past the recording: whoever plays it keeps their own clipboard.
	const write = stdout.write.bind(stdout);
	const copy = (text: string): string | undefined => {
		const copied = copySequence(text, env);
		if ('refused' in copied) return copied.refused;
		write(copied.sequence);
		return undefined;
	};
	// Before the first frame: else a Ctrl-Z that comes with it is the terminal's own, and stops the dashboard where it is.
	const stopCast =
		flags.cast === undefined ? undefined : recordCast(flags.cast, stdout, () => performance.now());
	process.stdin.setRawMode(true);
	let incomplete: string | undefined;
	try {
		const display = new Display(store, stdout);
		machine.watch?.(() => refresh(store));
		const {waitUntilExit, unmount} = render(
			<App store={store} display={display} mouse={mouse} copy={copy} />,
			{
				stdin: keysOf(process.stdin, event => point(store, event)),
				stdout: modesAlone(stdout),
				alternateScreen: true,
				interactive: true,
				exitOnCtrlC: false,
			},
		);
		const rescued = () => {
			unmount();
			rescue(machine);
		};
		process.once('exit', rescued);
		await waitUntilExit();
		process.off('exit', rescued);
	} finally {
		endTravel(store);
		pauseWork(store);
		process.stdin.setRawMode(false);
		incomplete = stopCast?.();
	}
	if (incomplete) printTo(process.stderr)(incomplete);
	if (machine.lab) printTo(stdout)(goodbye(machine));
	rescue(machine);
	return 0;
}

/** Does the steps of a session, and goes back to its beginning. */
function replay(store: Store, steps: readonly Step[]): void {
	const history = store.getState().machine.lab?.history;
	if (history) travelTo(store, history.replay(steps), () => goTo(store, history.first));
}

/** However it ends: what a disk held that is not put back is saved, and it is said how. */
function rescue({lab}: ObservedMachine): void {
	const sentence = lab?.history?.rescue();
	if (sentence === undefined) return;
	try {
		fs.writeSync(process.stderr.fd, `dmascope: ${sentence}\n`);
	} catch {
		// The terminal is gone; the file is there.
	}
}

function goodbye(machine: ObservedMachine): string {
	const {tally, disk} = machine.state();
	const counts = Object.entries(tally).filter(([, n]) => n > 0);
	const total = counts.reduce((sum, [, n]) => sum + n, 0);
	const line = `dmascope: ${plural(total, 'transfer')}: ${counts.map(([word, n]) => `${grouped(n)} ${word}`).join(', ')}`;
	const history = machine.lab?.history;
	if (!history?.hasUndo || history.at === history.length) return line;
	return `${line}\ndmascope: ${disk?.path} is as it was after step ${grouped(history.at)} of ${grouped(history.length)}.`;
}
