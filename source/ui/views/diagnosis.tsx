import {Box} from 'ink';
import {DiagnosisPanel, FindingPanel} from '../components/diagnosis-panel.js';

/** What is wrong, why, and what to do about it. */
export function Diagnosis() {
	return (
		<Box flexDirection="column" flexGrow={1}>
			<DiagnosisPanel minHeight={4} maxHeight="45%" />
			<FindingPanel flexGrow={1} flexBasis={0} />
		</Box>
	);
}
