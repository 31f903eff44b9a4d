// Loaded before the real program by node --import, it has it fail when a signal asks for that.

const fault = new Error('a fault that was asked for');

process.on('SIGUSR2', () => {
	throw fault;
});
process.on('SIGPWR', () => {
	Promise.reject(fault);
});
process.on('SIGURG', () => {
	// Some component of the next frame uses it while React renders.
	const {map} = Array.prototype;
	Error.stackTraceLimit = 50;
	Array.prototype.map = function (...how) {
		if (new Error().stack?.includes('renderWithHooks')) throw fault;
		return Reflect.apply(map, this, how);
	};
});
