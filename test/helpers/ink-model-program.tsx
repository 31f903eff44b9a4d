// The model app as a program. Arguments: transfers per second, seconds, number of names.

import {App, createModel, render} from './ink-model.js';

const [perSecond = 10, seconds = 10, names = 5] = process.argv.slice(2).map(Number);
const model = createModel(1, names);
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
		} else if (perSecond > 0) model.transfer();
	},
	1000 / (perSecond || 1),
);
await waitUntilExit();
