import type {BoxProps} from 'ink';
import {memo} from 'react';
import type {UnitFacts} from '../../machine/host.js';
import {useUi} from '../hooks/use-ui.js';
import {Panel} from './panel.js';
import {Paragraphs, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

/** A host's IOMMU units and what each can do, and how its kernel was booted. */
export const UnitsPanel = memo(function UnitsPanel(layout: BoxProps) {
	const host = useUi(({state}) => state.host);
	if (host === undefined) return <Panel id="units" title="UNITS" {...layout} />;
	const {units, facts, booted, tables} = host;
	return (
		<ScrollPanel id="units" title={`UNITS ─ ${units.length}`} {...layout}>
			{units.map(unit => (
				<Unit key={unit.name} {...unit} />
			))}
			<Prose tone="dim">{facts.join(' · ')}</Prose>
			{booted.length > 0 ? <Prose tone="dim">{`booted with ${booted.join(' ')}`}</Prose> : null}
			<Paragraphs tone="dim" texts={tables} />
		</ScrollPanel>
	);
});

function Unit({name, facts, capabilities}: UnitFacts) {
	return (
		<>
			<Prose>{`${name}  ${facts}`}</Prose>
			<Paragraphs tone="dim" indent={3} texts={capabilities} />
		</>
	);
}
