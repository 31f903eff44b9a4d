import {Box, type BoxProps, type DOMElement, Text, useWindowSize} from 'ink';
import {memo, type RefObject, useMemo, useRef} from 'react';
import {useMouseTarget} from '../hooks/use-screen.js';
import {useTextCursor} from '../hooks/use-text-cursor.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts, useStore, useUi} from '../hooks/use-ui.js';
import {commitDraft, FIELDS, type Field, fieldText, isDma, isIdle} from '../state/form.js';
import {focusOn, shownTransfer} from '../state/store.js';
import {Panel} from './panel.js';
import {Path} from './path.js';
import {Verdict} from './verdict.js';

const LABELS: Record<Field, string> = {
	vm: 'guest',
	op: 'op',
	lba: 'LBA',
	sectors: 'sectors',
	segments: 'segments',
	gpa: 'GPA',
};

/** The device model: a transfer to make, the path that the last one took, and its verdict. */
export const ModelPanel = memo(function ModelPanel({
	large = false,
	...layout
}: BoxProps & {readonly large?: boolean}) {
	const {vm, dma, model, disk} = useParts(({form, state}) => {
		const vm = state.vms.find(({name}) => name === form.vm);
		return {vm: form.vm, dma: isDma(form), model: vm?.model ?? '', disk: vm?.disk ?? 'no disk'};
	});
	const transfer = useUi(shownTransfer);
	return (
		<Panel
			id="model"
			title={dma ? `PASSTHRU DMA ─ of ${vm}` : `DEVICE MODEL ─ ${vm} ${model} → ${disk}`}
			{...layout}
		>
			<Form />
			{transfer ? (
				<>
					<Path transfer={transfer} />
					<Verdict transfer={transfer} large={large} />
				</>
			) : null}
		</Panel>
	);
});

function Form() {
	const {columns} = useWindowSize();
	return (
		<Box flexShrink={0} columnGap={2} flexWrap="wrap" marginLeft={1} marginBottom={columns >= 100 ? 1 : 0}>
			{FIELDS.map(field => (
				<FormField key={field} field={field} />
			))}
		</Box>
	);
}

function FormField({field}: {readonly field: Field}) {
	const theme = useTheme();
	const store = useStore();
	const ref = useRef<DOMElement>(null);
	const {text, chosen, typed} = useParts(({form, focus}) => ({
		typed: field === form.chosen ? form.draft : undefined,
		text: isIdle(form, field) ? '–' : fieldText(form, field),
		chosen: focus === 'model' && field === form.chosen,
	}));
	useMouseTarget(
		ref,
		useMemo(
			() => ({
				press: () => {
					focusOn(store, 'model');
					store.setState(({form}) => ({form: {...commitDraft(form), chosen: field}}));
				},
			}),
			[store, field],
		),
	);
	return (
		<Box ref={ref} flexShrink={0} aria-role="textbox" aria-state={{selected: chosen}}>
			<Text {...theme.dim}>{`${LABELS[field]} `}</Text>
			<Text {...theme[chosen ? 'chosen' : 'field']}>{text}</Text>
			{typed === undefined ? null : <Cursor field={ref} column={LABELS[field].length + 1 + typed.length} />}
		</Box>
	);
}

type CursorProps = {readonly field: RefObject<DOMElement | null>; readonly column: number};

function Cursor({field, column}: CursorProps) {
	useTextCursor(field, column);
	return null;
}
