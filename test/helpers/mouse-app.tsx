// A program of a few lines for test/ui/mouse.test.ts: it says what keys and what mouse reached it.

import {render, Text, useApp, useInput} from 'ink';
import {useSyncExternalStore} from 'react';
import {keyNames} from '../../source/ui/commands/keys.js';
import {withoutMouse} from '../../source/ui/terminal/mouse.js';
import {useMouse} from '../../source/ui/use-mouse.js';

let report = 'ready';
let draw = () => {};
const say = (what: string) => {
	report += ` ${what}`;
	draw();
};
const subscribe = (changed: () => void) => {
	draw = changed;
	return () => {};
};

function App() {
	const {exit, suspendTerminal} = useApp();
	const withMouseOff = useMouse(true);
	const text = useSyncExternalStore(subscribe, () => report);
	useInput((input, key) => {
		for (const name of keyNames(input, key)) {
			if (name === 'q') exit();
			else if (name === 'x') throw new Error('a fault');
			else if (name === 'u') setTimeout(() => Promise.reject(new Error('a rejection')));
			else if (name === 'ctrl-z')
				void suspendTerminal(() => withMouseOff(async () => void process.stdout.write('(away)')));
			else say(name);
		}
	});
	return <Text>{text}</Text>;
}

const stdin = withoutMouse(process.stdin, event =>
	say(`${event.kind === 'wheel' ? (event.up ? 'wheel-up' : 'wheel-down') : 'press'}@${event.x},${event.y}`),
);
// As the dashboard does: what is typed at the first frame is the program's, and not the terminal's.
process.stdin.setRawMode(true);
const {waitUntilExit} = render(<App />, {
	stdin,
	alternateScreen: true,
	interactive: true,
	exitOnCtrlC: false,
});
await waitUntilExit();
