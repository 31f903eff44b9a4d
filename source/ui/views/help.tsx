// What every key does, made from the table of commands; and what the terms on the screen mean.

import {Box, Text} from 'ink';
import {GROUPS, NEEDS_LAB, type UiCommand} from '../commands/command.js';
import {commands} from '../commands/index.js';
import {Labelled, Prose, Wrapped} from '../components/prose.js';
import {ScrollPanel} from '../components/scroll-panel.js';
import {useKeySign, useTheme} from '../hooks/use-theme.js';
import {useParts} from '../hooks/use-ui.js';
import {OTHERWISE, panelsOf, viewIdsOf} from '../state/views.js';
import {termsFor} from './glossary.js';

const INTRO = [
	'A guest reads a raw disk: the host’s disk controller writes the guest’s memory itself, and the IOMMU looks that up in the host domain. Policy remove takes the pages of a guest with a passthru device out of that domain, keep leaves them, bounce copies each transfer through a buffer of bhyve. The host is modelled; the disk and its bytes, the tables and the copies are real.',
	'▸ marks the row of the last lookup, or of the buffer · ✗ is no longer mapped · * marks bytes that differ',
	'A digit opens a view. In the form it is typed into a number; Alt and a digit opens a view there, too.',
];

export function Help() {
	const sign = useKeySign();
	const {notes, kind} = useParts(({state, kind}) => ({notes: state.notes, kind}));
	const views = viewIdsOf(kind);
	const hasMap = views.some(view => panelsOf(kind, view)?.includes('map'));
	const isThere = ({id, group, place}: UiCommand): boolean =>
		(group !== 'Views' || views.some(view => view === id)) && (place !== 'map' || hasMap);
	return (
		<ScrollPanel id="help" title={sign('HELP ─ where did that DMA land? ─ ? again: glossary')} flexGrow={1}>
			{(notes ?? INTRO).map(text => (
				<Prose key={text} tone="dim" indent={1}>
					{text}
				</Prose>
			))}
			<Box flexWrap="wrap" columnGap={2} marginTop={1}>
				{GROUPS.filter(group => kind === 'lab' || !NEEDS_LAB.includes(group)).map(group => (
					<Box key={group} flexDirection="column" width={48} flexShrink={0} marginBottom={1}>
						<Prose tone="title" indent={1}>
							{group}
						</Prose>
						{commands
							.filter(command => command.group === group && isThere(command))
							.map(({id, shown, description}) => (
								<KeyRow key={id} keys={sign(shown)} text={sign(OTHERWISE[kind]?.[id] ?? description)} />
							))}
					</Box>
				))}
			</Box>
		</ScrollPanel>
	);
}

function KeyRow({keys, text}: {readonly keys: string; readonly text: string}) {
	const theme = useTheme();
	return (
		<Box flexShrink={0} paddingLeft={2}>
			<Box width={7} flexShrink={0}>
				<Text {...theme.key}>{keys}</Text>
			</Box>
			<Wrapped>{text}</Wrapped>
		</Box>
	);
}

export function Glossary() {
	const {focus} = useParts(({focus}) => ({focus}));
	return (
		<ScrollPanel id="glossary" title="GLOSSARY ─ the focused panel’s terms first" flexGrow={1}>
			{termsFor(focus).map(({name, meaning}) => (
				<Labelled key={name} label={name} labelTone="key" width={17} texts={[meaning]} />
			))}
		</ScrollPanel>
	);
}
