import {Box, type DOMElement, Text, useWindowSize} from 'ink';
import {memo, useMemo, useRef} from 'react';
import type {MachineKind} from '../../machine/observed.js';
import {masked} from '../../printable.js';
import type {Tone} from '../../text/tones.js';
import {useMouseTarget} from '../hooks/use-screen.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts, useStore} from '../hooks/use-ui.js';
import {show} from '../state/store.js';
import {VIEWS, type ViewId, viewIdsOf} from '../state/views.js';
import {PolicyEffect, PolicySwitch} from './policy-switch.js';

/** From here on the views have their names beside their numbers: the lab has most of them. */
const NAMED_VIEWS: Record<MachineKind, number> = {lab: 118, tables: 100, host: 100};

/** What is looked at, and the views. */
export const Header = memo(function Header() {
	const {columns} = useWindowSize();
	const {view, kind} = useParts(({view, kind}) => ({view, kind}));
	return (
		<Box flexShrink={0}>
			<Machine />
			<Box flexShrink={0}>
				{viewIdsOf(kind).map(id => (
					<Tab key={id} view={id} chosen={id === view} named={columns >= NAMED_VIEWS[kind]} />
				))}
			</Box>
		</Box>
	);
});

/** Most important first. What there is no room for wraps to a row that is hidden: parts are whole or not there. */
function Machine() {
	const {columns} = useWindowSize();
	const {title, iommu, disk, lost, kind} = useParts(({state: {title, iommu, disk, lost}, kind}) => ({
		...{title, iommu, disk, lost, kind},
	}));
	// Beside the names of all views there is room for the IOMMU or for this word.
	const labelled = columns >= 72 && (columns < NAMED_VIEWS.lab || columns >= 128);
	const path = disk?.direct ? 'O_DIRECT' : 'page cache';
	const rights = disk?.writable ? 'writable' : 'read-only';
	return (
		<Box flexGrow={1} flexBasis={0} height={1} flexWrap="wrap" overflow="hidden">
			<Part tone="title"> dmascope </Part>
			{lost ? <Part tone="bad">{` last seen ${lost.lastSeen} `}</Part> : null}
			{kind === 'lab' ? <PolicySwitch label={labelled ? 'policy ' : ''} /> : null}
			<Part>{` ${kind === 'lab' ? iommu : title} `}</Part>
			<Part>{`· ${kind === 'lab' ? title : iommu} `}</Part>
			{kind === 'lab' ? <PolicyEffect /> : null}
			{disk ? (
				<Part tone="dim">{`· ${disk.name} ${path} ${rights}${disk.sample ? ' sample' : ''} `}</Part>
			) : null}
		</Box>
	);
}

function Part({tone = 'plain', children}: {readonly tone?: Tone; readonly children: string}) {
	return (
		<Box flexShrink={0}>
			<Text wrap="truncate" {...useTheme()[tone]}>
				{masked(children)}
			</Text>
		</Box>
	);
}

type TabProps = {readonly view: ViewId; readonly chosen: boolean; readonly named: boolean};

function Tab({view, chosen, named}: TabProps) {
	const theme = useTheme();
	const store = useStore();
	const ref = useRef<DOMElement>(null);
	useMouseTarget(
		ref,
		useMemo(() => ({press: () => show(store, view)}), [store, view]),
	);
	const number = VIEWS.indexOf(view) + 1;
	return (
		<Box ref={ref} flexShrink={0} aria-role="tab" aria-state={{selected: chosen}}>
			<Text aria-label={`${number} ${view}`} {...theme[chosen ? 'chosen' : 'dim']}>
				{chosen ? ` ${number} ${view} ` : named ? ` ${number} ${view}` : ` ${number}`}
			</Text>
		</Box>
	);
}
