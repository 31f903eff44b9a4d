// Why a host's page tables cannot be seen, and what would show them.

import {useUi} from '../hooks/use-ui.js';
import type {Ui} from '../state/store.js';
import {Gap} from './prose.js';

/** Whether a host's tables cannot be walked: it may show none, or only what they map. */
export const isWithoutTables = ({kind, state}: Ui): boolean => kind === 'host' && state.unit === undefined;

export function TableGaps() {
	const host = useUi(({state}) => state.host);
	const gaps = host?.notSeen.filter(({what}) => what.startsWith('page tables')) ?? [];
	return (
		<>
			{gaps.map(({what, how}) => (
				<Gap key={`${what} ${how}`} what={what} how={how} />
			))}
		</>
	);
}
