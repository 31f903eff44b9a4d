// The domains of a machine that has as many as its kernel likes, with the functions in each.

import type {BoxProps} from 'ink';
import {memo, useCallback, useMemo} from 'react';
import {isIdentity} from '../../explain/mappings.js';
import {domainName, functionsIn} from '../../explain/names.js';
import type {DomainView} from '../../explain/ranges.js';
import {columnsFor} from '../../text/columns.js';
import {grouped} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useParts, useStore} from '../hooks/use-ui.js';
import {focusOn} from '../state/store.js';
import {ListPanel} from './list-panel.js';
import {Gap, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

export const DomainsPanel = memo(function DomainsPanel(layout: BoxProps) {
	const store = useStore();
	const size = useMeasured();
	const {views, devices, changed} = useParts(({views, state, changed}) => ({
		...{views, devices: state.devices, changed},
	}));
	const {width} = size;
	const list = useMemo(() => {
		const name = Math.max(4, ...views.map(({domain}) => domainName(domain).length));
		const {head, row} = columnsFor<DomainView>(
			[
				{title: 'id', width: name, right: true, cell: ({domain}) => domainName(domain)},
				{
					title: 'pages',
					width: 10,
					right: true,
					cell: ({domain, mappedPages}) => (isIdentity(domain) ? 'all, 1:1' : grouped(mappedPages)),
				},
				{title: 'functions', cell: ({domain}) => functionsIn(domain, devices)},
			],
			width,
		);
		const lit = new Set([...changed.keys()].map(key => Number(key.slice(0, key.indexOf(':')))));
		return {
			title: `DOMAINS ─ ${views.length}`,
			head: [head],
			count: views.length,
			row: (index: number) => row(views[index]),
			lit: (index: number) => lit.has(views[index].domain.id),
			key: (index: number) => views[index].domain.id,
			selects: true,
		};
	}, [views, devices, changed, width]);
	const enter = useCallback(() => focusOn(store, 'domain'), [store]);
	if (views.length === 0) return <WithoutDomains {...layout} />;
	return <ListPanel id="domains" list={list} size={size} enter={enter} {...layout} />;
});

function WithoutDomains(layout: BoxProps) {
	const {host, unit} = useParts(({state: {host, unit}}) => ({host, unit}));
	const gaps = host?.notSeen.filter(({what}) => what.startsWith('page tables')) ?? [];
	return (
		<ScrollPanel id="domains" title="DOMAINS ─ none" {...layout}>
			{gaps.map(({what, how}) => (
				<Gap key={what} what={what} how={how} />
			))}
			{host ? null : (
				<Prose tone="dim">
					{unit?.enabled
						? 'No function is in a domain yet.'
						: 'The IOMMU is not enabled yet: DMA is not translated.'}
				</Prose>
			)}
		</ScrollPanel>
	);
}
