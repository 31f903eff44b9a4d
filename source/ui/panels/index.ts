// Every panel by its name: what it shows in a box of a given size.

import type {List} from '../state/list.js';
import type {Ui} from '../state/store.js';
import type {PanelId} from '../state/views.js';
import {comparePanel} from './compare.js';
import {consolePanel} from './console.js';
import {devicesPanel} from './devices.js';
import {diagnosisPanel, findingPanel} from './diagnosis.js';
import {domainsPanel} from './domains.js';
import {eventsPanel} from './events.js';
import {faultPanel, faultsPanel} from './faults.js';
import {groupPanel, groupsPanel} from './groups.js';
import {chainPanel, transfersPanel} from './transfers.js';
import {unitsPanel} from './units.js';

/** `width` and `height` are those inside the borders. */
export const panels: Partial<Record<PanelId, (ui: Ui, width: number, height: number) => List>> = {
	devices: devicesPanel,
	console: consolePanel,
	faults: faultsPanel,
	transfers: transfersPanel,
	chain: chainPanel,
	compare: comparePanel,
	fault: faultPanel,
	diagnosis: diagnosisPanel,
	finding: findingPanel,
	domains: domainsPanel,
	groups: groupsPanel,
	group: groupPanel,
	units: unitsPanel,
	events: eventsPanel,
};
