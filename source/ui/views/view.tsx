import {useWindowSize} from 'ink';
import type {ComponentType} from 'react';
import type {MachineKind} from '../../machine/observed.js';
import {PanelById} from '../components/by-id.js';
import {Stale} from '../components/stale.js';
import {useParts} from '../hooks/use-ui.js';
import {isRoomy, type ViewId} from '../state/views.js';
import {Compare} from './compare.js';
import {Diagnosis} from './diagnosis.js';
import {DomainList} from './domain-list.js';
import {Domains} from './domains.js';
import {Events} from './events.js';
import {Faults} from './faults.js';
import {HostOverview} from './host-overview.js';
import {Memory} from './memory.js';
import {Overview} from './overview.js';
import {TablesOverview} from './tables-overview.js';
import {Large, Talk} from './talk.js';
import {Transfers} from './transfers.js';
import {Walk} from './walk.js';

/** The views of each kind of machine, as the numbers choose them. */
const VIEWS: Record<MachineKind, Partial<Record<ViewId, ComponentType>>> = {
	lab: {
		overview: LabOverview,
		domains: Domains,
		walk: Walk,
		memory: Memory,
		transfers: Transfers,
		compare: Compare,
		faults: Faults,
		diagnosis: Diagnosis,
	},
	tables: {
		overview: TablesOverview,
		domains: DomainList,
		walk: Walk,
		memory: Memory,
		faults: Faults,
		diagnosis: Diagnosis,
	},
	host: {
		overview: HostOverview,
		domains: DomainList,
		walk: Walk,
		memory: Memory,
		faults: Faults,
		diagnosis: Diagnosis,
		events: Events,
	},
};

/** The chosen view; or one panel of it alone, where it is zoomed or the screen is small. */
export function View() {
	const size = useWindowSize();
	const {view, kind, focus, zoom} = useParts(({view, kind, focus, zoom}) => ({view, kind, focus, zoom}));
	const Shown = zoom || !isRoomy(size) ? undefined : VIEWS[kind][view];
	return <Stale>{Shown ? <Shown /> : <PanelById key={focus} id={focus} flexGrow={1} flexBasis={0} />}</Stale>;
}

function LabOverview() {
	const {large, presented} = useParts(({large, play}) => ({large, presented: play?.presented === true}));
	if (presented) return <Talk />;
	return large ? <Large /> : <Overview />;
}
