import {WalkPanel} from '../components/walk-panel.js';

export const Walk = () => <WalkPanel flexGrow={1} />;
