// A chosen row stays chosen while rows come and go around it.

import {findingsShown} from '../panels/diagnosis.js';
import {groupRowsShown} from './group-rows.js';
import type {Ui} from './store.js';
import {PANELS, type PanelId} from './views.js';

type Keys = readonly (string | number)[];

/** What tells the rows of a list from each other, where they may be others at the next look. */
const KEYS: Partial<Record<PanelId, (ui: Ui) => Keys | undefined>> = {
	groups: ui => groupRowsShown(ui).map(({group, device}) => `${group?.number} ${device?.id}`),
	faults: ({state: {logged}}) => logged?.faults.map(({number}) => number),
	diagnosis: ui => findingsShown(ui).map(({title}) => title),
	domains: ({views}) => views.map(({domain}) => domain.id),
	devices: ({state}) => state.devices.map(({rid}) => rid),
};

/** The places of the lists after a look. Where nobody has moved yet, the first row is the chosen one. */
export function keepSelection(before: Ui, now: Ui): Ui['places'] {
	const moved: Partial<Record<PanelId, {top: number; cursor: number}>> = {};
	for (const panel of PANELS) {
		const place = before.places[panel];
		const keysOf = KEYS[panel];
		if (place === undefined || keysOf === undefined) continue;
		const [was, is] = [keysOf(before), keysOf(now)];
		if (was === undefined || is === undefined) continue;
		const at = place.cursor < was.length ? is.indexOf(was[place.cursor]) : -1;
		// In place of one that is gone stands the one after it.
		const cursor = at < 0 ? Math.max(0, Math.min(place.cursor, is.length - 1)) : at;
		// What comes in at the top of a list is seen there.
		const top = place.top === 0 ? 0 : Math.max(0, place.top + cursor - place.cursor);
		if (cursor !== place.cursor) moved[panel] = {top, cursor};
	}
	return {...now.places, ...moved};
}
