import {Box, type DOMElement, Text, useWindowSize} from 'ink';
import {memo, useMemo, useRef} from 'react';
import {widthOf} from '../../text/width.js';
import {NEEDS_LAB, runCommand, type UiCommand} from '../commands/command.js';
import {commands, isAvailable} from '../commands/index.js';
import {useControlsOfApp} from '../hooks/use-controls.js';
import {useMouseTarget, useOpens} from '../hooks/use-screen.js';
import {useKeySign, useTheme} from '../hooks/use-theme.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {isReading, type Ui} from '../state/store.js';

/** In the past, moving through time matters most. */
const hintOf = ({hint = 0, group}: UiCommand, {timeline}: Ui): number =>
	timeline && group === 'Time' ? hint + 20 : hint;

/** The hints there is room for: those that matter most, in the order of the table. */
function hints(
	ui: Ui,
	opens: boolean,
	columns: number,
	sign: (text: string) => string,
): readonly UiCommand[] {
	const can = commands.filter(
		command =>
			isAvailable(command, ui, true, opens) &&
			!(ui.kind !== 'lab' && NEEDS_LAB.includes(command.group)) &&
			(hintOf(command, ui) > 0 || (isReading(ui) && command.label !== 'scroll')),
	);
	const kept = new Set(can);
	let width = can.reduce((sum, {shown, label}) => sum + widthOf(sign(shown)) + label.length + 3, 0);
	for (const command of can.toSorted((a, b) => hintOf(a, ui) - hintOf(b, ui))) {
		if (width <= columns) break;
		kept.delete(command);
		width -= widthOf(sign(command.shown)) + command.label.length + 3;
	}
	return [...kept];
}

/** What keys do now. Each hint can be clicked. */
export const Footer = memo(function Footer() {
	const {columns} = useWindowSize();
	const sign = useKeySign();
	const opens = useOpens();
	const ids = useUi(ui =>
		hints(ui, opens, columns, sign)
			.map(({id}) => id)
			.join(' '),
	);
	const shown = ids.split(' ').flatMap(id => commands.find(command => command.id === id) ?? []);
	return (
		<Box flexShrink={0} height={1} overflow="hidden">
			{shown.map(command => (
				<Hint key={command.id} command={command} />
			))}
		</Box>
	);
});

function Hint({command}: {readonly command: UiCommand}) {
	const theme = useTheme();
	const sign = useKeySign();
	const store = useStore();
	const app = useControlsOfApp();
	const ref = useRef<DOMElement>(null);
	useMouseTarget(
		ref,
		useMemo(() => ({press: () => runCommand(command, store, app)}), [command, store, app]),
	);
	return (
		<Box ref={ref} flexShrink={0}>
			<Text>
				{' '}
				<Text {...theme.key}>{sign(command.shown)}</Text>
				{` ${command.label} `}
			</Text>
		</Box>
	);
}
