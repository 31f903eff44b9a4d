import {useMemo} from 'react';
import {explainWalk, type Walk} from '../../explain/walk.js';
import type {Cached} from '../../machine/tables.js';
import {accessOfTransfer} from '../state/access.js';
import {chosenDomain} from '../state/ranges-shown.js';
import {type Access, shownTransfer, type Ui} from '../state/store.js';
import {useParts, useUi} from './use-ui.js';

/** A page as the IOTLB holds it, and whether the tables still say so. */
export type CachedPageNow = NonNullable<Cached['page']>;
export type ShownWalk = {access: Access; device: string; walk: Walk; page: Partial<CachedPageNow>};

/** The access that is looked up: the chosen one, else the shown transfer's, else the first that the machine offers. */
export function accessOf(ui: Ui): Access | undefined {
	if (ui.access) return ui.access;
	const {state} = ui;
	if (ui.kind !== 'lab') {
		const view = chosenDomain(ui);
		const device = state.devices.find(({domain}) => domain === view?.domain.id) ?? state.devices[0];
		return device && {rid: device.rid, iova: view?.ranges[0]?.iova ?? 0, write: true};
	}
	const transfer = shownTransfer(ui) ?? state.transfers.findLast(({iova}) => iova !== undefined);
	const access = transfer && accessOfTransfer(transfer, state.devices);
	return access ?? (state.devices[0] && {rid: state.devices[0].rid, iova: 0, write: true});
}

/** The walk of an access through the tables as they are now, and what the IOTLB holds of it. */
export function useWalk(chosen?: Access): ShownWalk | undefined {
	const {memory, tables} = useParts(({machine, tables}) => ({memory: machine.memory, tables}));
	const key = useUi(ui => {
		const access = chosen ?? accessOf(ui);
		return access && `${access.rid} ${access.iova} ${access.write ? 'w' : 'r'}`;
	});
	const walked = useMemo(() => {
		if (key === undefined) return undefined;
		const [rid = 0, iova = 0] = key.split(' ').map(Number);
		const access = {rid, iova, write: key.endsWith('w')};
		return {
			access,
			device: tables.devices.find(device => device.rid === rid)?.name ?? 'unknown',
			walk: explainWalk(memory, tables, rid, iova, access.write),
		};
	}, [memory, tables, key]);
	const page = useParts(({machine: {lab}}): Partial<CachedPageNow> => {
		const {access} = walked ?? {};
		return {...(access && lab?.cached(access.rid, access.iova).page)};
	});
	return walked && {...walked, page};
}
