import {Box, type BoxProps, useWindowSize} from 'ink';
import type {ComponentType} from 'react';
import {WalkPanel} from '../components/walk-panel.js';
import type {Access} from '../state/store.js';
import {AboveMap} from './above-map.js';

/** Sizes with room for a walk: beside the panel, or below it. */
const WIDE = 150;
const TALL = 36;

type Props = {readonly access?: Access; readonly panel: ComponentType<BoxProps>};

/** A panel about an access, with the walk of it by the tables as they are now. */
export function BesideWalk({access, panel: About}: Props) {
	const {columns, rows} = useWindowSize();
	const wide = columns >= WIDE;
	if (access === undefined || (!wide && rows < TALL)) return <About flexGrow={1} flexBasis={0} />;
	return (
		<Box flexDirection={wide ? 'row' : 'column'} flexGrow={1} flexBasis={0}>
			{wide ? <AboveMap panel={About} /> : <About minHeight={5} maxHeight={Math.floor(rows * 0.4)} />}
			<WalkPanel access={access} flexGrow={1} flexBasis={0} />
		</Box>
	);
}
