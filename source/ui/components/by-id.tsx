// Every panel by its name: for a panel that has the screen to itself, and for places that several share.

import type {BoxProps} from 'ink';
import type {ComponentType} from 'react';
import type {PanelId} from '../state/views.js';
import {BufferPanel} from './buffer-panel.js';
import {ComparePanel} from './compare-panel.js';
import {ConsolePanel} from './console-panel.js';
import {DevicesPanel} from './devices-panel.js';
import {DiagnosisPanel, FindingPanel} from './diagnosis-panel.js';
import {DomainTable, GuestTable, HostTable} from './domain-table.js';
import {DomainsPanel} from './domains-panel.js';
import {EventsPanel} from './events-panel.js';
import {FaultPanel, FaultsPanel} from './faults-panel.js';
import {GroupPanel, GroupsPanel} from './groups-panel.js';
import {MapPanel} from './memory-map.js';
import {ModelPanel} from './model-panel.js';
import {PagePanel} from './page-panel.js';
import {ReachPanel} from './reach-panel.js';
import {ScenarioPanel} from './scenario-panel.js';
import {TrafficPanel} from './traffic-panel.js';
import {ChainPanel, TransfersPanel} from './transfers-panel.js';
import {UnitsPanel} from './units-panel.js';
import {WalkPanel} from './walk-panel.js';

const COMPONENTS: Record<PanelId, ComponentType<BoxProps>> = {
	host: HostTable,
	guest: GuestTable,
	domain: DomainTable,
	domains: DomainsPanel,
	model: ModelPanel,
	buffer: BufferPanel,
	console: ConsolePanel,
	devices: DevicesPanel,
	faults: FaultsPanel,
	fault: FaultPanel,
	traffic: TrafficPanel,
	scenario: ScenarioPanel,
	walk: WalkPanel,
	map: MapPanel,
	reach: ReachPanel,
	page: PagePanel,
	transfers: TransfersPanel,
	chain: ChainPanel,
	compare: ComparePanel,
	diagnosis: DiagnosisPanel,
	finding: FindingPanel,
	groups: GroupsPanel,
	group: GroupPanel,
	units: UnitsPanel,
	events: EventsPanel,
};

export function PanelById({id, ...layout}: BoxProps & {readonly id: PanelId}) {
	const Component = COMPONENTS[id];
	return <Component {...layout} />;
}
