import {Box, useWindowSize} from 'ink';
import {DiagnosisPanel, FindingPanel} from '../components/diagnosis-panel.js';
import {AboveMap} from './above-map.js';

/** What is wrong, why, and what to do about it. */
export function Diagnosis() {
	const {rows} = useWindowSize();
	return (
		<Box flexDirection="column" flexGrow={1}>
			<DiagnosisPanel minHeight={4} maxHeight={Math.floor(rows * 0.4)} />
			<AboveMap panel={FindingPanel} />
		</Box>
	);
}
