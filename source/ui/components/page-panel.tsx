// A page of host physical memory, byte for byte, as it is now.

import type {BoxProps} from 'ink';
import {memo, useMemo} from 'react';
import {NO_MEMORY, ownerAt, UNKNOWN} from '../../explain/ranges.js';
import {hex, PAGE_SIZE} from '../../formats/address.js';
import {memoryRow} from '../../text/hex.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useParts} from '../hooks/use-ui.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';
import {Prose} from './prose.js';

/** Columns of a row of 16 bytes: address, bytes and text. */
const WIDE = 76;

export const PagePanel = memo(function PagePanel(layout: BoxProps) {
	const size = useMeasured();
	const {memory, owned, page, revision} = useParts(({machine, state, page}) => ({
		...{memory: machine.memory, owned: state.owned, page, revision: state.revision},
	}));
	const owner = ownerAt(owned, page);
	const perRow = size.width >= WIDE ? 16 : 8;
	// biome-ignore lint/correctness/useExhaustiveDependencies: the bytes change with the machine's revision
	const list = useMemo(() => {
		const words = memory.page(page);
		if (words === undefined) return undefined;
		const bytes = new Uint8Array(words.buffer, words.byteOffset, PAGE_SIZE);
		return {
			title: `PAGE ${hex(page)}${owner === UNKNOWN ? '' : ` ─ ${owner}`}`,
			head: [],
			count: PAGE_SIZE / perRow,
			row: (index: number) =>
				memoryRow(bytes.subarray(index * perRow, (index + 1) * perRow), page + index * perRow),
		};
	}, [memory, page, owner, perRow, revision]);
	if (list === undefined)
		return (
			<Panel id="page" title={`PAGE ${hex(page)}`} inside={size.ref} {...layout}>
				<Prose>{owner === NO_MEMORY ? 'No memory at this address.' : 'This page cannot be read now.'}</Prose>
			</Panel>
		);
	return <ListPanel mute id="page" list={list} size={size} {...layout} />;
});
