// What lies behind the chosen row of a panel: what Enter opens.

import {faultsShown} from '../panels/faults.js';
import {chosenLogFault} from '../panels/logged.js';
import {startChosen} from '../state/play.js';
import {chosenDomain, hostOf, rangesShown} from '../state/ranges-shown.js';
import {type Access, focusOn, type Store, show, type Ui} from '../state/store.js';
import {panelsOf} from '../state/views.js';

type Opener = (store: Store) => void;

/** Undefined where nothing does. */
export function enterAction(ui: Ui): Opener | undefined {
	const {focus, places, state, form} = ui;
	const cursor = places[focus]?.cursor ?? 0;
	switch (focus) {
		case 'host': {
			const range = rangesShown(ui, 'host')?.ranges[cursor];
			const device = state.devices.find(({domain}) => domain === hostOf(ui)?.domain.id);
			return range && device && walk({rid: device.rid, iova: range.iova, write: true});
		}
		case 'guest': {
			const range = rangesShown(ui, 'guest')?.ranges[cursor];
			const device = state.devices.find(({vm}) => vm === form.vm);
			return range && device && walk({rid: device.rid, iova: range.iova, write: true});
		}
		case 'domains':
			return ui.views.length > 0 ? store => focusOn(store, 'domain') : undefined;
		case 'domain': {
			const range = rangesShown(ui, 'domain')?.ranges[cursor];
			const device = state.devices.find(({domain}) => domain === chosenDomain(ui)?.domain.id);
			if (range === undefined || device === undefined || panelsOf(ui.kind, 'walk') === undefined)
				return undefined;
			return walk({rid: device.rid, iova: range.iova, write: range.write});
		}
		case 'devices': {
			const device = state.devices[cursor];
			return device && walk({rid: device.rid, iova: 0, write: true});
		}
		case 'groups':
			return store => focusOn(store, 'group');
		case 'faults': {
			if (state.logged) return loggedOpener(ui);
			const row = faultsShown(ui)[cursor];
			return row && walk({rid: row.rid, iova: row.lowest, write: row.write});
		}
		case 'diagnosis':
			return store => focusOn(store, 'finding');
		case 'transfers':
			return state.transfers.length > 0 ? store => focusOn(store, 'chain') : undefined;
		case 'chain':
			return chainWalk(ui);
		case 'scenario':
			return ui.play === undefined ? startChosen : undefined;
		default:
			return undefined;
	}
}

const walk =
	(access: Access): Opener =>
	store => {
		store.setState({access});
		show(store, 'walk');
	};

/** The walk of what was refused, where there are tables to walk; else the fault in words. */
function loggedOpener(ui: Ui): Opener | undefined {
	const logged = chosenLogFault(ui);
	if (logged === undefined) return undefined;
	if (logged.access !== undefined && panelsOf(ui.kind, 'walk') !== undefined) return walk(logged.access);
	return store => {
		show(store, 'faults');
		focusOn(store, 'fault');
	};
}

/** Where the chosen transfer was looked up first. */
function chainWalk({state, places}: Ui): Opener | undefined {
	const transfer = state.transfers.at(-1 - (places.transfers?.cursor ?? 0));
	if (transfer?.iova === undefined) return undefined;
	const {command} = transfer;
	const write = command.do === 'dma' ? command.access === 'write' : command.do === 'read';
	const device = state.devices.find(({name}) => name === transfer.device);
	return device && walk({rid: device.rid, iova: transfer.iova, write});
}
