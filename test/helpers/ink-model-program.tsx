// The model app as a program. Arguments: transfer or count, how often per second, for how many seconds.

import {App, createModel, render} from './ink-model.js';

const [kind, ...rest] = process.argv.slice(2);
const [perSecond = 10, seconds = 10] = rest.map(Number);
const model = createModel(1, 5);
const change = kind === 'count' ? model.count : model.transfer;
const {unmount, waitUntilExit} = render(<App model={model} />, {
	alternateScreen: true,
	interactive: true,
	incrementalRendering: true,
});
const start = performance.now();
const timer = setInterval(
	() => {
		if (performance.now() - start > seconds * 1000) {
			clearInterval(timer);
			unmount();
		} else if (perSecond > 0) change();
	},
	1000 / (perSecond || 1),
);
await waitUntilExit();
