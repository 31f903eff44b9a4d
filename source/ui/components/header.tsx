import {Box, type DOMElement, Text, useWindowSize} from 'ink';
import {memo, useMemo, useRef} from 'react';
import type {Row, Span} from '../../text/rows.js';
import {useMouseTarget} from '../hooks/use-screen.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts, useStore} from '../hooks/use-ui.js';
import {show} from '../state/store.js';
import {VIEWS, type ViewId, viewIdsOf} from '../state/views.js';
import {Line} from './line.js';
import {PolicySwitch} from './policy-switch.js';

/** From here on the views have their names beside their numbers. */
const NAMED_VIEWS = 140;

/** What is looked at, and the views. */
export const Header = memo(function Header() {
	const {columns} = useWindowSize();
	const {title, iommu, disk, lost, view, kind} = useParts(({state, view, kind}) => {
		const {title, iommu, disk, lost} = state;
		return {title, iommu, disk, lost, view, kind};
	});
	const left: Span[] = [[' dmascope ', 'title'], columns >= 72 ? ` ${title} · ${iommu}` : iommu];
	if (lost) left.push([` · last seen ${lost.lastSeen}`, 'bad']);
	if (disk && columns >= 190) {
		const path = disk.direct ? 'O_DIRECT' : 'page cache';
		const rights = disk.writable ? 'writable' : 'read-only';
		left.push([` · ${disk.name} ${path} ${rights}${disk.sample ? ' sample' : ''}`, 'dim']);
	}
	return (
		<Box justifyContent="space-between">
			<Box flexShrink={1} overflow="hidden">
				<Line row={left satisfies Row} />
				{kind === 'lab' ? (
					<Box marginLeft={1} flexShrink={0}>
						<PolicySwitch brief={columns < 160} />
					</Box>
				) : null}
			</Box>
			<Box flexShrink={0}>
				{viewIdsOf(kind).map(id => (
					<Tab key={id} view={id} chosen={id === view} named={columns >= NAMED_VIEWS} />
				))}
			</Box>
		</Box>
	);
});

function Tab({
	view,
	chosen,
	named,
}: {
	readonly view: ViewId;
	readonly chosen: boolean;
	readonly named: boolean;
}) {
	const theme = useTheme();
	const store = useStore();
	const ref = useRef<DOMElement>(null);
	useMouseTarget(
		ref,
		useMemo(() => ({press: () => show(store, view)}), [store, view]),
	);
	const number = VIEWS.indexOf(view) + 1;
	return (
		<Box ref={ref} flexShrink={0}>
			<Text {...theme[chosen ? 'chosen' : 'dim']}>
				{chosen || named ? ` ${number} ${view} ` : ` ${number}`}
			</Text>
		</Box>
	);
}
