// The dashboard's life in the terminal. Ink reads the keys, has the alternate screen, and gives the terminal back
// however the program ends; what is on the screen is drawn by the display, and the tree is empty.

import {useApp, useInput, usePaste} from 'ink';
import {useLayoutEffect, useRef, useState} from 'react';
import type {AppControls} from './commands/command.js';
import {handleKey, paste} from './commands/handle-key.js';
import {keyNames} from './commands/keys.js';
import type {Display} from './display.js';
import type {Store} from './state/store.js';
import {targetOf} from './target.js';
import {useMouse} from './use-mouse.js';

/** Puts text on the terminal's clipboard. @returns why it cannot, if it cannot */
export type Copy = (text: string) => string | undefined;

type Props = {
	readonly store: Store;
	readonly display: Display;
	readonly mouse?: boolean;
	readonly copy?: Copy;
};

export function App({store, display, mouse = false, copy}: Props) {
	const controls = useControls(store, display, mouse, copy);
	useInput((input, key) => {
		for (const name of keyNames(input, key)) handleKey(store, name, controls);
	});
	usePaste(text => paste(store, text, controls));
	return null;
}

/** Leaving, going to the background (the shell's terminal is given back meanwhile), and what commands ask of the screen. */
function useControls(store: Store, display: Display, mouse: boolean, copy?: Copy): AppControls {
	const withMouseOff = useMouse(mouse);
	const {exit, suspendTerminal} = useApp();
	const [away, setAway] = useState(false);
	useLayoutEffect(() => {
		if (away) return;
		display.start(exit);
		return () => display.stop();
	}, [display, away, exit]);
	const leaving = useRef(false);
	const suspend = async () => {
		// A second Ctrl-Z of the same burst.
		if (leaving.current) return;
		leaving.current = true;
		display.clear();
		setAway(true);
		await suspendTerminal(() => withMouseOff(stopJob));
		leaving.current = false;
		setAway(false);
	};
	return {
		exit: () => {
			display.clear();
			exit();
		},
		suspend: () => void suspend(),
		redraw: () => display.redraw(),
		copy: text => copy?.(text),
		target: () => targetOf(store.getState()),
	};
}

/**
 * Stops the whole job, as the terminal's own Ctrl-Z would: npm and sh are in it too. Where no shell could continue
 * it, the system ignores that, and so it is over at once.
 */
const stopJob = (): Promise<void> =>
	new Promise(resolve => {
		process.kill(0, 'SIGTSTP');
		setTimeout(() => {
			// Of another size of the terminal the system told the job in front; Node looks again when it is told.
			process.kill(process.pid, 'SIGWINCH');
			resolve();
		}, 50);
	});
