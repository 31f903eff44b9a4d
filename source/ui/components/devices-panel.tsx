// The PCI functions, and the domain each is in by its context entry or device table entry.

import type {BoxProps} from 'ink';
import {memo, useCallback, useMemo} from 'react';
import {ridText} from '../../formats/pci.js';
import type {Device} from '../../machine/observed.js';
import {columnsFor} from '../../text/columns.js';
import {type Span, spanText} from '../../text/rows.js';
import {widthOf} from '../../text/width.js';
import {useDeviceReach} from '../hooks/use-device-reach.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {openWalk} from '../state/access.js';
import {say} from '../state/store.js';
import {toneOfGuest} from '../theme.js';
import {ListPanel} from './list-panel.js';

/** The narrowest panel with what each device reaches, and the most columns of a name. */
const WIDE = 70;
const NAME = 24;

export const DevicesPanel = memo(function DevicesPanel(layout: BoxProps) {
	const store = useStore();
	const size = useMeasured();
	const {devices, vms} = useUi(({tables}) => tables);
	const reach = useDeviceReach(devices);
	const {width, height} = size;
	const list = useMemo(() => {
		const name = Math.min(NAME, width - 22, Math.max(5, ...devices.map(each => widthOf(each.name))));
		const guests = vms.map(({name}) => name);
		const placeOf = (index: number) => domainOf(devices[index], guests);
		const place = Math.max(6, ...devices.map((_, index) => spanText(placeOf(index)).length));
		const {head, row} = columnsFor<number>(
			[
				{title: 'function', width: 8, cell: index => ridText(devices[index].rid)},
				{title: 'name', width: name, cell: index => devices[index].name},
				{title: 'domain', width: width < WIDE ? undefined : place, cell: placeOf},
				{title: 'reaches', from: WIDE, cell: index => [reach[index].brief, 'dim']},
			],
			width,
		);
		return {
			title: `DEVICES ─ ${devices.length}`,
			// A row counts for more than the columns' names.
			head: width < WIDE || height <= devices.length ? [] : [head],
			count: devices.length,
			row,
			key: (index: number) => devices[index].rid,
			selects: true,
		};
	}, [devices, vms, reach, width, height]);
	const enter = useCallback(
		(index: number) => {
			const {sentence, lowest = 0} = reach[index];
			openWalk(store, {rid: devices[index].rid, iova: lowest, write: true});
			say(store, sentence, 'key');
		},
		[store, devices, reach],
	);
	return <ListPanel id="devices" list={list} size={size} enter={enter} {...layout} />;
});

function domainOf({domain, vm, untranslated}: Device, guests: readonly string[]): Span {
	if (untranslated) return ['not translated', 'warn'];
	if (domain === undefined) return ['no domain', 'warn'];
	return vm === undefined ? `domain ${domain}` : [`${vm}, domain ${domain}`, toneOfGuest(vm, guests)];
}
