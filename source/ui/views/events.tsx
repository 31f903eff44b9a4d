import {EventsPanel} from '../components/events-panel.js';

export const Events = () => <EventsPanel flexGrow={1} />;
