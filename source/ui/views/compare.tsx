import {ComparePanel} from '../components/compare-panel.js';

export const Compare = () => <ComparePanel flexGrow={1} />;
