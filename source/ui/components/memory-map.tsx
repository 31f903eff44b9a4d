import {Box, type BoxProps, Text} from 'ink';
import {createElement, Fragment, memo, type ReactNode, useContext, useMemo} from 'react';
import {domainMap, SHARED} from '../../explain/domain-map.js';
import {addressOfCell, type Cell, cellAt, type MemoryMap, memoryMap} from '../../explain/memory-map.js';
import {hex} from '../../formats/address.js';
import {masked} from '../../printable.js';
import type {Tone} from '../../text/tones.js';
import {plural, sizeText} from '../../words.js';
import {useBlink} from '../hooks/use-blink.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useGridHandle, useMouseTarget} from '../hooks/use-screen.js';
import {AppearanceContext, useTheme} from '../hooks/use-theme.js';
import {useParts, useStore} from '../hooks/use-ui.js';
import {focusOn} from '../state/store.js';
import {type Theme, toneOfGuest} from '../theme.js';
import {Panel} from './panel.js';
import {Prose} from './prose.js';

/** Below the map is what its colours or letters stand for: one row where that fits, else two. */
const ONE_ROW = 100;

type Props = BoxProps & {
	/** The address to mark; undefined: the page that is looked at. */
	readonly at?: number;
};

/** Host memory as a map: whose it is, and what the host's devices cannot reach. */
export const MapPanel = memo(function MapPanel({at, ...layout}: Props) {
	const {theme, ascii} = useContext(AppearanceContext);
	const size = useMeasured();
	const store = useStore();
	const {owned, vms, views, kind, page} = useParts(({state, views, kind, page}) => ({
		...{owned: state.owned, vms: state.vms, views, kind, page: at ?? page},
	}));
	const columns = Math.max(1, size.width);
	const rows = Math.max(1, size.height - (columns < ONE_ROW ? 2 : 1));
	const halves = !ascii && isColoured(theme);
	const names = useMemo(() => vms.map(({name}) => name), [vms]);
	const map = useMemo(() => {
		const wanted = columns * rows * (halves ? 2 : 1);
		const host = views.find(({domain}) => domain.role === 'host');
		return kind === 'lab' ? memoryMap({owned, vms}, host, wanted) : domainMap(owned, views, wanted);
	}, [owned, vms, views, kind, columns, rows, halves]);
	// The page that a transfer was for blinks once when that has landed.
	const here = useBlink() ? undefined : cellAt(map, page);
	const grid = useMemo(() => {
		const go = (cell: number) => {
			if (cell >= 0 && cell < map.cells.length) store.setState({page: addressOfCell(map, cell)});
		};
		const step = columns * (halves ? 2 : 1);
		return {
			move: (right: number, down: number) => go(cellAt(map, store.getState().page) + right + down * step),
			press: (x: number, y: number) => {
				focusOn(store, 'map');
				go(y * step + x);
			},
		};
	}, [store, map, columns, halves]);
	useGridHandle('map', grid);
	useMouseTarget(size.ref, grid);
	if (map.cells.length === 0)
		return (
			<Panel id="map" title="MEMORY" inside={size.ref} {...layout}>
				<Prose>This machine does not show its memory.</Prose>
			</Panel>
		);
	const each = sizeText((map.pages / map.cells.length) * 4096);
	return (
		<Panel id="map" title={`MEMORY ─ ${each} per cell ─ ${hex(page)}`} inside={size.ref} {...layout}>
			<Cells map={map} columns={columns} here={here} halves={halves} names={names} />
			<Legend map={map} halves={halves} names={names} owners={kind === 'lab'} />
		</Panel>
	);
});

const isColoured = (theme: Theme): boolean => theme.ownerGuest0.color?.startsWith('#') === true;

type CellsProps = {
	readonly map: MemoryMap;
	readonly columns: number;
	readonly here: number | undefined;
	readonly halves: boolean;
	readonly names: readonly string[];
};

const Cells = memo(function Cells({map, columns, here, halves, names}: CellsProps) {
	const theme = useTheme();
	const step = columns * (halves ? 2 : 1);
	const starts = Array.from({length: Math.ceil(map.cells.length / step)}, (_, y) => y * step);
	return (
		<Box flexDirection="column" flexShrink={0} aria-hidden>
			{starts.map(start => (
				<Text key={start} wrap="truncate">
					{halves
						? halfBlocks(map, start, columns, here, theme, names)
						: letters(map, start, columns, here, theme, names)}
				</Text>
			))}
		</Box>
	);
});

/** Two rows of cells in one row of the terminal: the upper in the text's colour, the lower in the ground's. */
function halfBlocks(
	{cells}: MemoryMap,
	start: number,
	columns: number,
	here: number | undefined,
	theme: Theme,
	names: readonly string[],
): ReactNode[] {
	const colourOf = (at: number): string | undefined => {
		const cell = cells[at];
		if (cell === undefined) return undefined;
		const {color} = at === here ? theme.title : theme[ownerTone(cell, names)];
		const own = at === here ? '#ffffff' : (color ?? '#808080');
		return at !== here && isMissing(cell) ? darker(own) : own;
	};
	const runs: ReactNode[] = [];
	let text = '';
	let [upper, lower] = [colourOf(start), colourOf(start + columns)];
	const flush = (key: number) => {
		if (text !== '')
			runs.push(
				<Text key={key} color={upper} backgroundColor={lower}>
					{text}
				</Text>,
			);
		text = '';
	};
	for (let x = 0; x < columns; x++) {
		const [up, low] = [colourOf(start + x), colourOf(start + columns + x)];
		if (up !== upper || low !== lower) flush(x);
		[upper, lower] = [up, low];
		text += up === undefined ? ' ' : '▀';
	}
	flush(columns);
	return runs;
}

/** A cell a column, by letters. */
function letters(
	{cells}: MemoryMap,
	start: number,
	columns: number,
	here: number | undefined,
	theme: Theme,
	names: readonly string[],
): ReactNode {
	const signs = cells.slice(start, start + columns).map((cell, x) => {
		const tone: Tone = start + x === here ? 'chosen' : isMissing(cell) ? 'missing' : ownerTone(cell, names);
		return createElement(Text, theme[tone], cell.letter);
	});
	return createElement(Fragment, null, ...signs);
}

const isMissing = ({mapped}: Cell): boolean => mapped === 'none' || mapped === 'some';

/** A third of a colour's light: pages that the host domain no longer maps. */
function darker(hexColour: string): string {
	const value = Number.parseInt(hexColour.slice(1), 16);
	const part = (shift: number) =>
		Math.floor(((value >> shift) & 0xff) / 3)
			.toString(16)
			.padStart(2, '0');
	return `#${part(16)}${part(8)}${part(0)}`;
}

function ownerTone({owner}: Cell, names: readonly string[]): Tone {
	if (owner === 'kernel') return 'ownerKernel';
	if (owner === 'iommu tables') return 'ownerTables';
	if (owner === 'free' || owner === SHARED.none.text) return 'ownerFree';
	if (owner === SHARED.one.text) return 'ownerGuest1';
	if (owner === SHARED.several.text || owner.startsWith('bhyve ')) return 'ownerBuffer';
	return names.includes(owner) ? toneOfGuest(owner, names) : 'ownerBuffer';
}

type LegendProps = {
	readonly map: MemoryMap;
	readonly halves: boolean;
	readonly names: readonly string[];
	/** Whether cells show owners; else they show by how many domains they are reached. */
	readonly owners: boolean;
};

function Legend({map, halves, names, owners}: LegendProps) {
	const theme = useTheme();
	return (
		<Box flexWrap="wrap" flexShrink={0} columnGap={2} paddingLeft={1}>
			{map.legend.map(({letter, text, pages}) => {
				const owner = text.split(', ')[0];
				const sign = halves ? '■' : letter === ' ' ? 'blank' : letter;
				return (
					<Text key={text} wrap="truncate" aria-label={`${masked(text)}, ${plural(pages, 'page')}.`}>
						<Text {...theme[ownerTone({letter, owner, mixed: false}, names)]}>{sign}</Text>
						{` ${masked(text)}${owners ? '' : `, ${plural(pages, 'page')}`}`}
					</Text>
				);
			})}
			{owners ? (
				<Text aria-hidden {...theme.dim}>
					{halves ? 'dark: not in the host domain' : 'underlined: not in the host domain'}
				</Text>
			) : null}
		</Box>
	);
}
