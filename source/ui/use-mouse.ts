import {useStdout} from 'ink';
import {useLayoutEffect} from 'react';
import {MOUSE_OFF, MOUSE_ON} from './terminal/mouse.js';

/**
 * Has the terminal send the mouse while the dashboard is there. Ink takes the tree down at every end that a process
 * can see, signals and faults included, and this with it.
 * @returns what runs work, such as a stop of the job, with the mouse given back
 */
export function useMouse(on: boolean): (work: () => Promise<void>) => Promise<void> {
	const {stdout} = useStdout();
	useLayoutEffect(() => {
		if (!on) return;
		stdout.write(MOUSE_ON);
		return () => void stdout.write(MOUSE_OFF);
	}, [on, stdout]);
	return async work => {
		if (on) stdout.write(MOUSE_OFF);
		await work();
		if (on) stdout.write(MOUSE_ON);
	};
}
