// The guest's buffer beside the disk's sectors, byte for byte, as both are now; differences are marked.

import {type BoxProps, Text} from 'ink';
import {memo, useMemo} from 'react';
import {hex, SECTOR} from '../../formats/address.js';
import type {LabControls} from '../../machine/observed.js';
import {compared} from '../../text/hex.js';
import {messageOf} from '../../user-error.js';
import {grouped} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useParts} from '../hooks/use-ui.js';
import {type Form, isDma} from '../state/form.js';
import type {List} from '../state/list.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';

/** More than this of a transfer is not compared on screen. */
const MOST = 1024 * 1024;
/** From this width on a row has 16 bytes of each side: an offset, and three columns and a letter a byte. */
const WIDE = 5 + 2 * 16 * 4 + 3;

type Bytes = {guest: Uint8Array; disk: Uint8Array; different: number};

export const BufferPanel = memo(function BufferPanel(layout: BoxProps) {
	const size = useMeasured();
	const {lab, form, revision} = useParts(({machine, form, state}) => ({
		lab: machine.lab,
		form,
		revision: state.revision,
	}));
	const {vm, gpa, lba, sectors} = form;
	// biome-ignore lint/correctness/useExhaustiveDependencies: the bytes change with the machine's revision
	const bytes = useMemo(
		() => (lab ? read(lab, {vm, gpa, lba, sectors}) : 'This machine shows no buffers.'),
		[lab, vm, gpa, lba, sectors, revision],
	);
	const perRow = size.width >= WIDE ? 16 : 8;
	const list = useMemo(
		() => (typeof bytes === 'string' ? undefined : bufferList(bytes, form, perRow)),
		[bytes, form, perRow],
	);
	if (list === undefined)
		return (
			<Panel id="buffer" title="BUFFER" inside={size.ref} {...layout}>
				<Text>{` ${bytes}`}</Text>
			</Panel>
		);
	return <ListPanel mute id="buffer" list={list} size={size} {...layout} />;
});

/** Both sides; a sentence where the disk cannot be read. */
function read(
	lab: LabControls,
	{vm, gpa, lba, sectors}: Pick<Form, 'vm' | 'gpa' | 'lba' | 'sectors'>,
): Bytes | string {
	const length = Math.min(sectors * SECTOR, MOST);
	try {
		const guest = lab.guestBytes(vm, gpa, length);
		const disk = lab.diskBytes(vm, lba, length);
		if (guest.length === 0) return `${vm} has no memory at ${hex(gpa)}.`;
		let different = 0;
		for (let i = 0; i < Math.min(guest.length, disk.length); i++) if (guest[i] !== disk[i]) different++;
		return {guest, disk, different};
	} catch (error) {
		return `The disk cannot be read: ${messageOf(error)}.`;
	}
}

function bufferList({guest, disk, different}: Bytes, form: Form, perRow: number): List {
	const {vm, gpa, lba, sectors} = form;
	const dma = isDma(form);
	const length = Math.min(guest.length, disk.length);
	const title = dma
		? `BUFFER ${vm} ${hex(gpa)}`
		: `BUFFER ${vm} ${hex(gpa)} │ ada0 LBA ${lba} ─ ${comparison(different, length, sectors * SECTOR)}`;
	return {
		title,
		head: [],
		count: Math.ceil(guest.length / perRow),
		row: index => {
			const at = index * perRow;
			const offset = [`${at.toString(16).padStart(4, '0')} `, 'dim'] as const;
			// A passthru device's DMA has no disk beside it.
			if (dma) return [offset, ...compared(guest, guest, at, perRow, 'bad')];
			return [
				offset,
				...compared(guest, disk, at, perRow, 'bad'),
				[' │ ', 'border'],
				...compared(disk, guest, at, perRow, 'good'),
			];
		},
	};
}

function comparison(different: number, length: number, wanted: number): string {
	if (length === 0) return 'nothing on the disk there';
	if (different > 0) return `${grouped(different)} of ${grouped(length)} bytes differ`;
	return length < wanted ? `the first ${grouped(length)} bytes are the same` : 'the same';
}
