import type {BoxProps} from 'ink';
import {createElement, Fragment, memo, type ReactNode} from 'react';
import {useParts} from '../hooks/use-ui.js';
import {Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

/** The last lines, which are enough for some boots. */
const SHOWN = 200;

/** The console of the guest that the form names. */
export const ConsolePanel = memo(function ConsolePanel(layout: BoxProps) {
	const {vm, lines} = useParts(({form, state}) => ({
		vm: form.vm,
		lines: state.vms.find(({name}) => name === form.vm)?.console,
	}));
	return (
		<ScrollPanel id="console" title={`CONSOLE ${vm}`} {...layout}>
			{createElement(Fragment, null, ...(lines ?? []).slice(-SHOWN).map(consoleLine))}
		</ScrollPanel>
	);
});

const consoleLine = (line: string): ReactNode => (
	<Prose tone={line === 'no bootable disk' ? 'bad' : 'plain'}>{line}</Prose>
);
