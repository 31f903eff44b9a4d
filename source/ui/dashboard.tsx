// Puts the dashboard on the terminal, and gives the terminal back.

import fs from 'node:fs';
import chalk from 'chalk';
import {render} from 'ink';
import type {ObservedMachine} from '../machine/observed.js';
import type {Scenario, Step} from '../machine/scenario.js';
import {printTo} from '../text/print.js';
import {asciiByItself, depthOf, themeOf} from '../text/terminal.js';
import {grouped, plural} from '../words.js';
import {App, EMPTY} from './app.js';
import {chooseKeys} from './commands/index.js';
import {diagramFor} from './diagram.js';
import {type DisplayFlags, readDisplay} from './display-flags.js';
import {Screen} from './hooks/use-screen.js';
import {type PictureSize, saveDiagram, savePicture} from './picture.js';
import {typeIntoGuest} from './state/console.js';
import {play} from './state/play.js';
import {refresh} from './state/refresh.js';
import {createUi, type Store} from './state/store.js';
import {goTo, travelTo} from './state/time.js';
import {pauseWork} from './state/traffic.js';
import {endTravel} from './state/travel.js';
import {writeAscii} from './terminal/ascii.js';
import {recordCast} from './terminal/cast.js';
import {copySequence, doubtOfCopy} from './terminal/clipboard.js';
import {keysOf} from './terminal/input.js';
import {MOUSE_OFF, MOUSE_ON} from './terminal/mouse.js';
import {themeWith} from './theme.js';

/** What it opens on: a scenario to present, or the beginning of a session, whose steps are run first. */
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
	const depth = depthOf(env);
	// Ink's colours are chalk's.
	chalk.level = depth;
	const appearance = {
		theme: themeWith(theme, depth),
		ascii: flags.ascii ?? config.ascii ?? asciiByItself(env),
	};
	chooseKeys(config.keys);
	const store = createUi(machine);
	const screen = new Screen();
	// A screen reader speaks each frame anew, and does not point.
	const spoken = env.INK_SCREEN_READER === 'true';
	store.setState({
		large: flags.large ?? config.large ?? false,
		motion: !spoken && (flags.motion ?? config.motion ?? true),
	});
	if (opening && 'present' in opening) play(store, opening.present, true);
	else if (opening) replay(store, opening.replay);
	const mouse = !spoken && (flags.mouse ?? config.mouse ?? true);
	// Past the recording: whoever plays it keeps their own clipboard.
	const write = stdout.write.bind(stdout);
	const copy = (text: string): string | undefined => {
		const copied = copySequence(text, env);
		if ('refused' in copied) return copied.refused;
		write(copied.sequence);
		return doubtOfCopy(env);
	};
	// Before the first frame: else a Ctrl-Z that comes with it is the terminal's own, and stops the dashboard where it is.
	const stopCast =
		flags.cast === undefined ? undefined : recordCast(flags.cast, stdout, () => performance.now());
	const stopAscii = appearance.ascii ? writeAscii(stdout) : undefined;
	process.stdin.setRawMode(true);
	// Every component that follows the window's size listens to it; Node warns of more than ten.
	stdout.setMaxListeners(0);
	let incomplete: string | undefined;
	try {
		machine.watch?.(() => refresh(store));
		const terminal = {
			copy,
			empty: () => void stdout.write(EMPTY),
			mouse: (on: boolean) => void (mouse && stdout.write(on ? MOUSE_ON : MOUSE_OFF)),
			picture: async (file: string, what: 'screen' | 'diagram', size: PictureSize) => {
				const look = {name: theme, appearance};
				if (what === 'screen') await savePicture(store, file, look, size);
				else saveDiagram(store, file, diagramFor(store.getState()), look);
			},
		};
		const {waitUntilExit, unmount} = render(
			<App store={store} screen={screen} appearance={appearance} terminal={terminal} />,
			{
				stdin: keysOf(
					process.stdin,
					event =>
						screen.point(event.x, event.y, event.kind === 'press' ? 'press' : event.up ? 'up' : 'down'),
					keys => typeIntoGuest(store, keys),
				),
				stdout,
				// What is spoken is longer than the screen, and scrolls.
				alternateScreen: !spoken,
				interactive: true,
				exitOnCtrlC: false,
				incrementalRendering: true,
				maxFps: 30,
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
		stopAscii?.();
		incomplete = stopCast?.();
	}
	if (incomplete) printTo(process.stderr)(incomplete);
	if (machine.lab) printTo(stdout)(goodbye(machine));
	rescue(machine);
	return 0;
}

/** Runs the steps of a session, and goes back to its beginning. */
function replay(store: Store, steps: readonly Step[]): void {
	const history = store.getState().machine.lab?.history;
	if (history) travelTo(store, history.replay(steps), () => goTo(store, history.first));
}

/** Saves the old blocks of a disk that is only partly restored, and tells how to restore them. */
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
	return `${line}\ndmascope: ${disk?.path} is now as it was after step ${grouped(history.at)} of ${grouped(history.length)}.`;
}
