// Every panel by its name: for a panel that has the screen to itself, and for places that several share.

import type {BoxProps} from 'ink';
import type {ComponentType} from 'react';
import type {PanelId} from '../state/views.js';
import {BufferPanel} from './buffer-panel.js';
import {DomainTable, GuestTable, HostTable} from './domain-table.js';
import {Legacy} from './legacy.js';
import {MapPanel} from './memory-map.js';
import {ModelPanel} from './model-panel.js';
import {PagePanel} from './page-panel.js';
import {ReachPanel} from './reach-panel.js';
import {ScenarioPanel} from './scenario-panel.js';
import {TrafficPanel} from './traffic-panel.js';
import {WalkPanel} from './walk-panel.js';

const COMPONENTS: Partial<Record<PanelId, ComponentType<BoxProps>>> = {
	host: HostTable,
	guest: GuestTable,
	domain: DomainTable,
	model: ModelPanel,
	buffer: BufferPanel,
	traffic: TrafficPanel,
	scenario: ScenarioPanel,
	walk: WalkPanel,
	map: MapPanel,
	reach: ReachPanel,
	page: PagePanel,
};

export function PanelById({id, ...layout}: BoxProps & {readonly id: PanelId}) {
	const Component = COMPONENTS[id];
	return Component ? <Component {...layout} /> : <Legacy id={id} {...layout} />;
}
