import {Box, useWindowSize} from 'ink';
import {GuestTable, HostTable} from '../components/domain-table.js';

const SIDE_BY_SIDE = 100;

/** Both tables, as large as the screen. */
export function Domains() {
	const {columns} = useWindowSize();
	return (
		<Box flexDirection={columns >= SIDE_BY_SIDE ? 'row' : 'column'} flexGrow={1}>
			<HostTable flexGrow={1} flexBasis={0} />
			<GuestTable flexGrow={1} flexBasis={0} />
		</Box>
	);
}
