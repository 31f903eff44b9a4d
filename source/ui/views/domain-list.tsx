import {Box, useWindowSize} from 'ink';
import {DomainTable} from '../components/domain-table.js';
import {DomainsPanel} from '../components/domains-panel.js';
import {useUi} from '../hooks/use-ui.js';

const SIDE_BY_SIDE = 100;

/** The domains that a machine's own kernel has made, and the table of the chosen one. */
export function DomainList() {
	const {columns, rows} = useWindowSize();
	const some = useUi(({views}) => views.length > 0);
	if (!some) return <DomainsPanel flexGrow={1} />;
	if (columns >= SIDE_BY_SIDE)
		return (
			<Box flexGrow={1}>
				<DomainsPanel width={Math.floor(columns * 0.35)} />
				<DomainTable flexGrow={1} flexBasis={0} />
			</Box>
		);
	return (
		<Box flexDirection="column" flexGrow={1}>
			<DomainsPanel minHeight={5} maxHeight={Math.floor(rows * 0.4)} />
			<DomainTable flexGrow={1} flexBasis={0} />
		</Box>
	);
}
