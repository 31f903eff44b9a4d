import {Box, useWindowSize} from 'ink';
import {DomainTable, GuestTable, HostTable} from '../components/domain-table.js';
import {MapPanel} from '../components/memory-map.js';
import {PageJoin} from '../components/page-join.js';
import {useUi} from '../hooks/use-ui.js';
import {chosenDomain} from '../state/ranges-shown.js';

const SIDE_BY_SIDE = 100;
/** From here on the memory stands between them. */
const WITH_MAP = 160;

/** Both tables, as large as the screen; and that of the guest's own IOMMU, where it has one. */
export function Domains() {
	const {columns} = useWindowSize();
	const own = useUi(ui => chosenDomain(ui) !== undefined);
	return (
		<Box flexDirection={columns >= SIDE_BY_SIDE ? 'row' : 'column'} flexGrow={1}>
			<HostTable flexGrow={1} flexBasis={0} />
			{columns >= WITH_MAP && !own ? <JoinedMap /> : null}
			<GuestTable flexGrow={1} flexBasis={0} />
			{own ? <DomainTable flexGrow={1} flexBasis={0} /> : null}
		</Box>
	);
}

/** The map between the tables, with a line from the shown page's row in one to its row in the other. */
export const JoinedMap = () => (
	<Box flexGrow={1} flexBasis={0}>
		<MapPanel flexGrow={1} />
		<PageJoin />
	</Box>
);
