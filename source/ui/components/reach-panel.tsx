// Who reaches the chosen page of memory, and why.

import {Box, type BoxProps, Text} from 'ink';
import {memo, useMemo} from 'react';
import {reachOf} from '../../explain/reach.js';
import {hex, pageOf} from '../../formats/address.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts} from '../hooks/use-ui.js';
import {Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

type Props = BoxProps & {
	/** An address in the page; undefined: the page that is looked at. */
	readonly at?: number;
};

export const ReachPanel = memo(function ReachPanel({at, ...layout}: Props) {
	const theme = useTheme();
	const {memory, state, views, page} = useParts(({machine, state, views, page}) => ({
		...{memory: machine.memory, state, views, page: at === undefined ? page : pageOf(at)},
	}));
	const reached = useMemo(() => reachOf(memory, state, views, page), [memory, state, views, page]);
	const names = reached.reduce((most, {name}) => Math.max(most, name.length + 1), 8);
	return (
		<ScrollPanel id="reach" title={`WHO REACHES ${hex(page)}`} about={page} {...layout}>
			{reached.map(({name, how, at, why}) => (
				<Box key={`${name} ${at}`} flexDirection="column" flexShrink={0}>
					<Text wrap="truncate">
						<Text {...theme[how === 'nothing' ? 'dim' : 'good']}>{how === 'nothing' ? ' ✗ ' : ' ✓ '}</Text>
						<Text {...theme.key}>{name.padEnd(names)}</Text>
						<Text {...theme[how === 'nothing' ? 'dim' : 'plain']}>{how}</Text>
						{at === undefined ? null : <Text {...theme.dim}>{` at ${hex(at)}`}</Text>}
					</Text>
					<Prose tone="dim" indent={3}>
						{why}
					</Prose>
				</Box>
			))}
		</ScrollPanel>
	);
});
