import type {BoxProps} from 'ink';
import {createElement, Fragment, memo, type ReactNode, useMemo} from 'react';
import {useParts, useStore} from '../hooks/use-ui.js';
import {startTyping} from '../state/console.js';
import {Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

/** The last lines, which are enough for some boots. */
const SHOWN = 200;

/** The console of the guest that the form names. */
export const ConsolePanel = memo(function ConsolePanel(layout: BoxProps) {
	const store = useStore();
	const {vm, lines, real, typing} = useParts(({form, state, machine, typing}) => ({
		vm: form.vm,
		lines: state.vms.find(({name}) => name === form.vm)?.console,
		real: machine.lab?.guest !== undefined,
		typing: typing === true,
	}));
	const enter = useMemo(() => (real ? () => startTyping(store) : undefined), [real, store]);
	const title = `CONSOLE ${vm}${typing ? ' ─ keys go to the guest; Ctrl-] leaves' : real ? ' ─ Enter types' : ''}`;
	return (
		<ScrollPanel id="console" title={title} enter={enter} {...layout}>
			{createElement(Fragment, null, ...(lines ?? []).slice(-SHOWN).map(consoleLine))}
		</ScrollPanel>
	);
});

const consoleLine = (line: string): ReactNode => (
	<Prose tone={/^no bootable d(isk|evice\.)$/i.test(line) ? 'bad' : 'plain'}>{line}</Prose>
);
