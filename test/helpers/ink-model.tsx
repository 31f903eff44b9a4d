// A model of a full-screen Ink app: panels as memo components over one store, borders, nested styles, backgrounds,
// graphemes of every width, an overlay, a real cursor, lists that scroll, any size.

import {
	Box,
	type RenderOptions,
	render,
	renderToString,
	Static,
	Text,
	Transform,
	useApp,
	useCursor,
	useStdout,
	useWindowSize,
} from 'ink';
import {memo, type ReactNode, useEffect} from 'react';
import {useStore} from 'zustand';
import {createStore} from 'zustand/vanilla';

/** Mulberry32, a seeded generator. @returns a function that returns an integer below n */
export function random(seed: number): (n: number) => number {
	let state = seed;
	return n => {
		state = (state + 0x6d2b79f5) | 0;
		let bits = Math.imul(state ^ (state >>> 15), 1 | state);
		bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
		return ((bits ^ (bits >>> 14)) >>> 0) % n;
	};
}

const COLOURS = ['red', 'greenBright', '#56c8d8', '#d787ff', 'ansi256(208)', 'gray', undefined] as const;
const NAMES = [
	...[
		'vm0',
		'bhyve',
		'igb1',
		'not mapped',
		'',
		'─',
		'é',
		'e\u0301',
		'日本語',
		'각',
		'क्ष',
		'👩‍💻 host',
		'🇫🇷',
		'✔ ok',
	],
	...[
		'▶',
		'½',
		'ＡＢ',
		'a\tb',
		'⚠️',
		'\u200b',
		'ﾊﾞ',
		'1️⃣',
		'\x1b]8;;http://a.b\x07link\x1b]8;;\x07',
		'\u202eabc',
	],
] as const;

type Entry = {id: number; address: number; name: string; colour: (typeof COLOURS)[number]; lit: boolean};
type State = {
	next: number;
	host: readonly Entry[];
	guest: readonly Entry[];
	transfers: readonly Entry[];
	cells: readonly number[];
	bytes: readonly number[];
	counts: readonly number[];
	selected: number;
	overlay: number;
	typed: string | undefined;
	printed: readonly string[];
	/** Unused rows of the terminal. */
	less: number;
};

type Random = (n: number) => number;

const entry = (id: number, next: Random, names: number): Entry => ({
	id,
	address: next(2 ** 31),
	name: NAMES[next(names)],
	colour: COLOURS[next(COLOURS.length)],
	lit: next(12) === 0,
});
const many = <T,>(n: number, one: (i: number) => T): T[] =>
	Array.from({length: Math.floor(n)}, (_, i) => one(i));

/** @param names how many of NAMES occur; the first five are ASCII */
export function createModel(seed: number, names: number = NAMES.length) {
	const next = random(seed);
	const entries = (n: number) => many(n, i => entry(i, next, names));
	const store = createStore<State>(() => ({
		next: 100,
		host: entries(40),
		guest: entries(40),
		transfers: entries(30),
		cells: many(4000, () => next(5)),
		bytes: many(512, () => next(256)),
		counts: many(60, () => next(9)),
		selected: 0,
		overlay: 0,
		typed: undefined,
		printed: [],
		less: 0,
	}));
	const replaced = <T,>(list: readonly T[], i: number, by: T) => list.with(i % list.length, by);
	const actions: Record<string, () => void> = {
		/** Changes what a transfer of dmascope changes: a list, counters, a buffer, a row of a table. */
		transfer: () =>
			store.setState(({next: id, transfers, counts, bytes, host, cells}) => ({
				next: id + 1,
				transfers: [entry(id, next, names), ...transfers.slice(0, 29)],
				counts: [...counts.slice(1), next(9)],
				bytes: bytes.map((byte, i) => (i < 64 ? next(256) : byte)),
				host: replaced(host, next(40), entry(id, next, names)),
				cells: replaced(cells, next(4000), next(5)),
			})),
		/** Changes counters alone. */
		count: () => store.setState(({counts}) => ({counts: [...counts.slice(1), next(9)]})),
		select: () => store.setState({selected: next(40)}),
		rename: () =>
			store.setState(({guest}) => ({guest: replaced(guest, next(40), entry(next(40), next, names))})),
		sort: () =>
			store.setState(({host}) => ({host: host.toSorted((a, b) => a.address - b.address).slice(next(2))})),
		overlay: () => store.setState({overlay: next(3)}),
		type: () =>
			store.setState(({typed = ''}) => ({
				typed: typed.length > 6 ? undefined : `${typed}${NAMES[next(names)]}`,
			})),
		remap: () => store.setState({cells: many(4000, () => next(5))}),
		nothing: () => store.setState(({next}) => ({next})),
	};
	const kinds = Object.keys(actions);
	return {
		store,
		transfer: actions.transfer,
		count: actions.count,
		/** Does something random. */
		act: () => actions[kinds[next(kinds.length)]](),
	};
}
export type Model = ReturnType<typeof createModel>;

type Store = Model['store'];
type PanelProps = {title: string; focused?: boolean; grow?: number; children: ReactNode};

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

function Panel({title, focused = false, grow = 1, children}: PanelProps) {
	return (
		<Box
			borderStyle="round"
			borderColor={focused ? '#5fd7ff' : 'gray'}
			flexDirection="column"
			flexGrow={grow}
			flexBasis={0}
		>
			<Box position="absolute" marginTop={-1} marginLeft={1}>
				<Text bold wrap="truncate">
					{` ${title} `}
				</Text>
			</Box>
			<Box flexDirection="column" flexGrow={1} flexBasis={0} overflow="hidden">
				<Box flexDirection="column" flexShrink={0}>
					{children}
				</Box>
			</Box>
		</Box>
	);
}

const Row = memo(({item: {address, name, colour, lit, id}, selected}: {item: Entry; selected: boolean}) => (
	<Text wrap="truncate" inverse={selected} backgroundColor={lit ? '#e5c07b' : undefined}>
		<Text dimColor>{hex(address, 8)}</Text> <Text color={colour}>{name}</Text>
		{'  '}
		<Text bold={id % 3 === 0} underline={id % 4 === 0} italic={id % 5 === 0} strikethrough={id % 7 === 0}>
			r{id % 2 ? 'w' : '-'}
		</Text>{' '}
		<Text color="cyan">{id} pages</Text>
	</Text>
));

const Table = memo(
	({store, of, title}: {store: Store; of: 'host' | 'guest' | 'transfers'; title: string}) => {
		const items = useStore(store, state => state[of]);
		const selected = useStore(store, state => (of === 'host' ? state.selected : -1));
		const {rows} = useWindowSize();
		const first = Math.max(0, selected - 8);
		return (
			<Panel title={title} focused={of === 'host'}>
				{items.slice(first, first + rows / 2).map((item, i) => (
					<Row key={`${item.id} ${item.address}`} item={item} selected={first + i === selected} />
				))}
			</Panel>
		);
	},
);

const OWNERS = ['#8fa8ff', '#e5c07b', '#d787ff', '#56c8d8', '#808080'];

const runsOf = (cells: string) => Array.from(cells.matchAll(/(..)\1*/g), ({0: run, index: x}) => ({x, run}));

/** Runs of half blocks, two rows of pages a cell. */
const MapRow = memo(({cells}: {cells: string}) => (
	<Text wrap="truncate">
		{runsOf(cells).map(({x, run}) => (
			<Text key={x} color={OWNERS[Number(run[0])]} backgroundColor={OWNERS[Number(run[1])]}>
				{'▀'.repeat(run.length / 2)}
			</Text>
		))}
	</Text>
));

const MemoryMap = memo(({store}: {store: Store}) => {
	const cells = useStore(store, state => state.cells);
	const {rows} = useWindowSize();
	// An owner has several adjacent pages.
	const row = (y: number) =>
		many(60, x => `${cells[y * 40 + (x >> 3)]}${cells[y * 40 + 20 + (x >> 4)]}`).join('');
	return (
		<Panel title="MEMORY" grow={1}>
			{many(rows / 2, y => (
				<MapRow key={y} cells={row(y)} />
			))}
		</Panel>
	);
});

const Hex = memo(({store}: {store: Store}) => {
	const bytes = useStore(store, state => state.bytes);
	return (
		<Panel title="BUFFER" grow={2}>
			{many(24, y => ({address: y * 16, line: bytes.slice(y * 16, y * 16 + 16)})).map(({address, line}) => (
				<Text key={address} wrap="truncate">
					<Text color="gray">{hex(address, 4)}</Text> {line.map(byte => hex(byte, 2)).join(' ')}{' '}
					<Text color="green">
						{line.map(byte => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·')).join('')}
					</Text>
				</Text>
			))}
		</Panel>
	);
});

const Bars = memo(({store}: {store: Store}) => {
	const counts = useStore(store, state => state.counts);
	return (
		<Panel title="TRAFFIC">
			<Text color="#56c8d8" wrap="truncate">
				{counts.map(count => ' ▁▂▃▄▅▆▇█'[count]).join('')}
			</Text>
			<Text wrap="wrap">
				{counts.reduce((a, b) => a + b)} transfers, <Text color="red">{counts[59]} lost</Text>, and words that
				are wrapped over several lines where there is little room
			</Text>
			<Transform transform={(line, i) => line.toUpperCase().replace('S', `${i}`)}>
				<Text>
					shouted{'\n'}in two lines {counts[0]}
				</Text>
			</Transform>
		</Panel>
	);
});

const Overlay = memo(({store}: {store: Store}) => {
	const overlay = useStore(store, state => state.overlay);
	const {columns} = useWindowSize();
	if (overlay === 0) return null;
	return (
		<Box
			position="absolute"
			marginLeft={overlay * 5}
			marginTop={overlay * 2}
			width={Math.min(30, columns - overlay * 5)}
		>
			<Box
				borderStyle="double"
				backgroundColor={overlay === 1 ? 'black' : '#333366'}
				flexDirection="column"
				flexGrow={1}
			>
				<Text bold>Help {overlay}</Text>
				<Text>日本語 over anything</Text>
			</Box>
		</Box>
	);
});

const Prompt = memo(({store, y}: {store: Store; y: number}) => {
	const typed = useStore(store, state => state.typed);
	const {setCursorPosition} = useCursor();
	setCursorPosition(typed === undefined ? undefined : {x: 3 + typed.length, y});
	return typed === undefined ? (
		<Text dimColor>nothing typed</Text>
	) : (
		<Text wrap="truncate">{` : ${typed}`}</Text>
	);
});

const Footer = memo(() => (
	<Text wrap="truncate">
		{['Enter run', 't tour', 'p policy', 'Space pause', '? help', 'q quit'].map(hint => (
			<Text key={hint}>
				{' '}
				<Text color="cyan">{hint.split(' ')[0]}</Text> {hint.split(' ')[1]}
			</Text>
		))}
	</Text>
));

const Printed = memo(({store}: {store: Store}) => {
	const printed = useStore(store, state => state.printed);
	return <Static items={[...printed]}>{text => <Text key={text}>{text}</Text>}</Static>;
});

type Controls = {write: (text: string) => void; suspend: (text: string) => Promise<void>};

/** @param controls receives what a test may do with the terminal */
export function App({model: {store}, controls}: {model: Model; controls?: (controls: Controls) => void}) {
	const {rows} = useWindowSize();
	const less = useStore(store, state => state.less);
	const {stdout, write} = useStdout();
	const {suspendTerminal} = useApp();
	useEffect(() => {
		controls?.({write, suspend: text => suspendTerminal(() => void stdout.write(text))});
	}, [controls, write, stdout, suspendTerminal]);
	return (
		<>
			<Printed store={store} />
			<Box height={rows - less} flexDirection="column">
				<Box justifyContent="space-between">
					<Text bold>model</Text>
					<Text inverse> 1 overview </Text>
				</Box>
				<Box flexGrow={3} flexBasis={0}>
					<Table store={store} of="host" title="HOST" />
					<MemoryMap store={store} />
					<Table store={store} of="guest" title="GUEST" />
				</Box>
				<Box flexGrow={2} flexBasis={0}>
					<Table store={store} of="transfers" title="TRANSFERS" />
					<Hex store={store} />
					<Bars store={store} />
				</Box>
				<Prompt store={store} y={rows - less - 2} />
				<Footer />
				<Overlay store={store} />
			</Box>
		</>
	);
}

export type ModelStep =
	/** A random change. */
	| 'act'
	| 'transfer'
	/** Static text above the frame. */
	| {print: string}
	/** Text by `useStdout`, and text while the terminal is suspended. */
	| {write: string}
	| {suspend: string}
	/** Leaves so many rows of the terminal unused. */
	| {less: number};

type Options = RenderOptions & {seed: number; names?: number};

/** Starts the app for sameCells. */
export function start(stdout: NodeJS.WritableStream, stdin: NodeJS.ReadableStream, options: Options) {
	const {seed, names, ...more} = options;
	const model = createModel(seed, names);
	let controls: Controls | undefined;
	const take = (given: Controls) => {
		controls = given;
	};
	const app = render(<App model={model} controls={take} />, {
		stdout,
		stdin,
		alternateScreen: true,
		incrementalRendering: true,
		interactive: true,
		patchConsole: false,
		exitOnCtrlC: false,
		maxFps: 1000,
		...more,
	});
	return {
		act: (step: ModelStep) => {
			if (step === 'act') model.act();
			else if (step === 'transfer') model.transfer();
			else if ('print' in step) model.store.setState(({printed}) => ({printed: [...printed, step.print]}));
			else if ('write' in step) controls?.write(step.write);
			else if ('suspend' in step) return controls?.suspend(step.suspend);
			else model.store.setState({less: step.less});
			return undefined;
		},
		redraw: () => controls?.write(''),
		flush: () => app.waitUntilRenderFlush(),
		end: () => app.unmount(),
	};
}

/** The app as text after random changes. */
export function textOf(seed: number, changes: number, columns: number): string {
	const model = createModel(seed);
	for (let i = 0; i < changes; i++) model.act();
	return renderToString(<App model={model} />, {columns});
}

export {render};
