// Every panel by its name: what it shows in a box of a given size.

import type {List} from '../state/list.js';
import type {Ui} from '../state/store.js';
import type {PanelId} from '../state/views.js';
import {bufferPanel} from './buffer.js';
import {comparePanel} from './compare.js';
import {consolePanel} from './console.js';
import {devicesPanel} from './devices.js';
import {diagnosisPanel, findingPanel} from './diagnosis.js';
import {domainPanel, guestPanel, hostPanel} from './domain.js';
import {domainsPanel} from './domains.js';
import {eventsPanel} from './events.js';
import {faultPanel, faultsPanel} from './faults.js';
import {groupPanel, groupsPanel} from './groups.js';
import {mapPanel, reachPanel} from './memory.js';
import {modelPanel} from './model.js';
import {pagePanel} from './page.js';
import {scenarioPanel} from './scenario.js';
import {trafficPanel} from './traffic.js';
import {chainPanel, transfersPanel} from './transfers.js';
import {unitsPanel} from './units.js';
import {walkPanel} from './walk.js';

/** `width` and `height` are those inside the borders. */
export const panels: Record<PanelId, (ui: Ui, width: number, height: number) => List> = {
	host: hostPanel,
	guest: guestPanel,
	devices: devicesPanel,
	model: modelPanel,
	buffer: bufferPanel,
	console: consolePanel,
	faults: faultsPanel,
	traffic: trafficPanel,
	scenario: scenarioPanel,
	walk: walkPanel,
	map: mapPanel,
	reach: reachPanel,
	page: pagePanel,
	transfers: transfersPanel,
	chain: chainPanel,
	compare: comparePanel,
	fault: faultPanel,
	diagnosis: diagnosisPanel,
	finding: findingPanel,
	domains: domainsPanel,
	domain: domainPanel,
	groups: groupsPanel,
	group: groupPanel,
	units: unitsPanel,
	events: eventsPanel,
};
