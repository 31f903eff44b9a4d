// Refused accesses, newest first, repeats in one row, with what hardware and kernel recorded; and the chosen one
// explained. They come from hardware's fault records, or from the log of a kernel.

import path from 'node:path';
import {type BoxProps, Text} from 'ink';
import {createElement, Fragment, memo, useCallback, useMemo} from 'react';
import {coalesceFaults, explainFault, type FaultRow} from '../../explain/faults.js';
import {faultCountText, faultLogText} from '../../explain/snapshot.js';
import {explainWalk} from '../../explain/walk.js';
import {hex} from '../../formats/address.js';
import type {HostFacts} from '../../machine/host.js';
import type {LogFault, Logged} from '../../machine/logged.js';
import type {Fault, FaultLog} from '../../machine/observed.js';
import {grouped} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useParts, useStore, useUi} from '../hooks/use-ui.js';
import {type Row, widthOf} from '../rows.js';
import {canWalk, openWalk} from '../state/access.js';
import {chosenOf, type Key} from '../state/list.js';
import {type Access, focusOn, type Store, show} from '../state/store.js';
import {type Column, columnsFor} from './columns.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';
import {Labelled, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

export const FaultsPanel = memo(function FaultsPanel(layout: BoxProps) {
	const {logged, host} = useParts(({state: {logged, host}}) => ({logged, host}));
	if (logged) return <LoggedFaults logged={logged} {...layout} />;
	if (host) return <FaultsUnseen host={host} {...layout} />;
	return <RecordedFaults {...layout} />;
});

/** The chosen fault, explained. */
export const FaultPanel = memo(function FaultPanel(layout: BoxProps) {
	const logged = useUi(({state}) => state.logged);
	return logged ? <LogExplanation logged={logged} {...layout} /> : <Explanation {...layout} />;
});
