import {Box} from 'ink';
import {type ReactNode, useContext, useMemo} from 'react';
import {masked} from '../../printable.js';
import {AppearanceContext} from '../hooks/use-theme.js';
import {useUi} from '../hooks/use-ui.js';
import {greyed} from '../theme.js';
import {Bar} from './verdict.js';

/** Greys the last picture of a machine that is gone, and says so above it. */
export function Stale({children}: {readonly children: ReactNode}) {
	const lost = useUi(({state}) => state.lost);
	const appearance = useContext(AppearanceContext);
	const grey = useMemo(() => ({...appearance, theme: greyed(appearance.theme)}), [appearance]);
	return (
		<AppearanceContext value={lost ? grey : appearance}>
			{lost ? (
				<Box flexShrink={0} flexDirection="column">
					<Bar style={appearance.theme.bad} reversed>
						{`STALE since ${lost.lastSeen}: ${masked(lost.why)}`}
					</Bar>
				</Box>
			) : null}
			<Box flexDirection="column" flexGrow={1} flexBasis={0}>
				{children}
			</Box>
		</AppearanceContext>
	);
}
